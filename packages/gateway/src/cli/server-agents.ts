/** Which agents a running server offers. */
import * as z from 'zod';
import { startCommand } from './called-as.ts';
import { tokenWanted } from './client-token.ts';

/** A server that takes longer than this to name its agents is as good as none. Milliseconds. */
const PATIENCE_MS = 5_000;

/** OpenSSL's names of a certificate that nobody vouches for who is known here. */
const UNKNOWN_ISSUER = /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)/;

const answerSchema = z.object({
  data: z.object({
    available: z.array(
      z.object({
        name: z.string(),
        role: z.string(),
        description: z.string(),
        enabled: z.boolean(),
      }),
    ),
    default: z.string(),
  }),
});

export interface ServerAgents {
  readonly agents: readonly { readonly name: string; role: string; description: string }[];
  /** The name of the one that answers where nobody is named. */
  readonly default: string;
}

/**
 * @param url of the server, without a path.
 * @throws {Error} in words, where no Parley server answers there.
 */
export async function askForAgents(url: string, token: string | undefined): Promise<ServerAgents> {
  let response: Response;
  try {
    response = await fetch(`${url}/api/agents`, {
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (cause) {
    throw new Error(`No server answers at ${url}${reasonOf(cause)} ${hintAt(url)}`, { cause });
  }
  if (response.status === 401) throw new Error(tokenWanted(url));
  const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
  if (!answer.success) {
    throw new Error(`What answers at ${url} is no Parley server (HTTP ${response.status}).`);
  }
  const { available, ...rest } = answer.data.data;
  return { agents: available.filter(({ enabled }) => enabled), default: rest.default };
}

/** Why `fetch` failed, where that is more than that nobody listens. */
function reasonOf(error: unknown): string {
  const { code, message } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (code === undefined || code === 'ECONNREFUSED') return '.';
  // Of several addresses that a name has, the message is empty.
  if (!UNKNOWN_ISSUER.test(code)) return `: ${message || code}.`;
  return `: ${message}. Name a certificate to trust in NODE_EXTRA_CA_CERTS.`;
}

function hintAt(url: string): string {
  const start = startCommand(url);
  return start === undefined ? 'Is the address right?' : `Start one with: ${start}`;
}
