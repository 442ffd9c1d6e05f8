/** Makes of the settings what says who is asking. */
import type { MakeLimiter } from '../budget.ts';
import { type Config, ConfigError } from '../config.ts';
import type { Logger } from '../log.ts';
import { AnonymousAuth } from './anonymous.ts';
import { Attempts } from './attempts.ts';
import { Authentication, type AuthMode } from './authentication.ts';
import type { Authenticator } from './authenticator.ts';
import { type Authenticate, FunctionAuth } from './function.ts';
import { noAuth } from './none.ts';
import { keptKey, randomKey, Signer } from './signing.ts';
import type { TicketNodes } from './tickets.ts';
import { TokenAuth } from './token.ts';

/** What the nodes of a deployment have together. */
export interface AuthNodes {
  readonly limiter: MakeLimiter;
  readonly tickets: TicketNodes;
}

/** @throws {ConfigError} where a setting is wrong or missing. */
export async function openAuthentication(
  config: Config,
  given: Authenticate | undefined,
  { limiter, tickets }: AuthNodes,
  log: Logger,
): Promise<Authentication> {
  const mode = given ? 'custom' : config.auth;
  const signer = await openSigner(config, mode);
  const authenticator = given
    ? new FunctionAuth(given)
    : await openAuthenticator(config, signer, log);
  return new Authentication({
    authenticator,
    signer,
    mode,
    admins: config.admins,
    attempts: new Attempts(config.maxFailedAttempts, limiter, log),
    tickets,
    log,
  });
}

async function openAuthenticator(
  config: Config,
  signer: Signer,
  log: Logger,
): Promise<Authenticator> {
  if (config.auth === 'none') return noAuth;
  const tokens = await TokenAuth.open(config, signer, log);
  if (config.auth === 'anonymous') return new AnonymousAuth(signer, tokens);
  if (tokens) return tokens;
  throw new ConfigError([
    'auth: token needs to know which tokens are good: set tokensFile, jwtSecret, jwtPublicKeyFile or oidcIssuer.',
  ]);
}

async function openSigner(
  { signingKeys, store, dataDir }: Config,
  mode: AuthMode,
): Promise<Signer> {
  const [first, ...others] = signingKeys;
  if (first !== undefined) return new Signer([first, ...others]);
  // Where everyone is the owner nothing is signed that has to outlast the process.
  const isPassing = mode === 'none' || store === 'memory:';
  return new Signer([isPassing ? randomKey() : await keptKey(dataDir)]);
}
