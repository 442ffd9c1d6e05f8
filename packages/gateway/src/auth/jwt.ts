/** Tokens that somebody else has signed: JWTs, checked with a secret, a public key or an OIDC provider's keys. */
import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import * as z from 'zod';
import { type Config, ConfigError } from '../config.ts';
import type { Identity } from './authenticator.ts';
import { isPrincipalId } from './principal.ts';

type JwtConfig = Pick<
  Config,
  'jwtSecret' | 'jwtPublicKeyFile' | 'oidcIssuer' | 'jwtIssuer' | 'jwtAudience'
>;

export interface JwtVerifier {
  /** Whose token it is; `undefined`: no valid one. */
  verify(token: string): Promise<Identity | undefined>;
  /** Of the settings that say whose signature is believed: another one, and what was believed is not. */
  readonly trust: string;
}

/** A token may begin so far ahead of this clock, seconds. When it ends is by this clock alone. */
const CLOCK_TOLERANCE_S = 5;
/** The last moment that a `Date` can say, milliseconds since the epoch (ECMA-262, section 21.4.1.1). */
const LAST_MOMENT_MS = 8.64e15;
const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** What OIDC discovery has to say, of all that it says. */
const discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
/** A provider that has not answered by then does not answer, milliseconds. */
const DISCOVERY_MS = 5_000;

/** For a config of which one setting says how to check a token. @throws {ConfigError} */
export async function createJwtVerifier(config: JwtConfig): Promise<JwtVerifier> {
  const { jwtSecret, jwtPublicKeyFile, oidcIssuer } = config;
  const given = [jwtSecret, jwtPublicKeyFile, oidcIssuer].filter((one) => one !== undefined);
  if (given.length > 1) {
    throw new ConfigError(['Set one of jwtSecret, jwtPublicKeyFile and oidcIssuer, not several.']);
  }
  if (jwtSecret !== undefined) {
    const secret = new TextEncoder().encode(jwtSecret);
    const verify = verifier(secret, ['HS256', 'HS384', 'HS512'], config);
    return { verify, trust: trustOf(config, jwtSecret) };
  }
  if (jwtPublicKeyFile !== undefined) {
    const key = await readPublicKey(jwtPublicKeyFile);
    const pem = key.export({ type: 'spki', format: 'pem' });
    return { verify: verifier(key, ASYMMETRIC, config), trust: trustOf(config, String(pem)) };
  }
  if (config.jwtAudience === undefined) {
    throw new ConfigError([
      'oidcIssuer needs jwtAudience: without it a token for any other program of the provider would do.',
    ]);
  }
  const issuer = oidcIssuer as string;
  const verify = verifier(providerKeys(issuer), ASYMMETRIC, config, issuer);
  return { verify, trust: trustOf(config, issuer) };
}

function trustOf({ jwtIssuer, jwtAudience }: JwtConfig, key: string): string {
  return hash('sha256', JSON.stringify([key, jwtIssuer, jwtAudience]), 'base64url');
}

function verifier(
  key: Uint8Array | KeyObject | JWTVerifyGetKey,
  algorithms: string[],
  { jwtAudience, jwtIssuer }: JwtConfig,
  issuer = jwtIssuer,
): JwtVerifier['verify'] {
  const options = {
    algorithms,
    clockTolerance: CLOCK_TOLERANCE_S,
    requiredClaims: ['sub', 'exp'],
    ...(issuer === undefined ? {} : { issuer }),
    ...(jwtAudience === undefined ? {} : { audience: jwtAudience }),
  };
  return async (token) => {
    try {
      const { payload } = await (typeof key === 'function'
        ? jwtVerify(token, key, options)
        : jwtVerify(token, key, options));
      const { sub: id, exp } = payload;
      if (!isPrincipalId(id) || exp === undefined) return undefined;
      return { principal: { id }, expiresAt: Math.min(exp * 1_000, LAST_MOMENT_MS) };
    } catch (error) {
      if (isOfToken(error)) return undefined;
      throw error;
    }
  };
}

/** A provider that cannot be asked, or that answers with something else than keys, says nothing of the token. */
function isOfToken(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return false;
  const { code } = error;
  return (
    code !== errors.JWKSTimeout.code &&
    code !== errors.JOSEError.code &&
    code !== errors.JWKSInvalid.code
  );
}

async function readPublicKey(path: string): Promise<KeyObject> {
  try {
    const pem = await readFile(path, 'utf8');
    // A public key could be made of it; who could sign tokens must not lie where they are checked.
    if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(pem)) throw new Error('it is a private key');
    return createPublicKey(pem);
  } catch (error) {
    throw new ConfigError([
      `jwtPublicKeyFile: expected the path of a public key or certificate in PEM, got ${path} (${(error as Error).message}).`,
    ]);
  }
}

/** The provider is asked when the first token comes, so that a start does not depend on it. */
function providerKeys(issuer: string): JWTVerifyGetKey {
  let keys: Promise<JWTVerifyGetKey> | undefined;
  return async (header, token) => {
    keys ??= discoverKeys(issuer).catch((error) => {
      keys = undefined;
      throw error;
    });
    return (await keys)(header, token);
  };
}

async function discoverKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
  const { issuer: named, jwks_uri } = discovery.parse(await response.json());
  if (named !== issuer) throw new Error(`${url} is of the issuer ${named}, expected ${issuer}.`);
  // An unknown key is looked for again, at most every 30 s: so keys can be rotated.
  return createRemoteJWKSet(new URL(jwks_uri));
}
