/** Which agents a running server offers. */
import * as z from 'zod';
import { startCommand } from './called-as.ts';
import { TOKEN_VARIABLE } from './client-token.ts';

/** A server that takes longer than this to name its agents is as good as none. Milliseconds. */
const PATIENCE_MS = 5_000;

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
    const start = startCommand(url);
    const hint = start === undefined ? 'Is the address right?' : `Start one with: ${start}`;
    throw new Error(`No server answers at ${url}. ${hint}`, { cause });
  }
  if (response.status === 401) {
    throw new Error(
      `The server at ${url} wants to know who is asking: put a token that it knows into the variable ${TOKEN_VARIABLE}.`,
    );
  }
  const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
  if (!answer.success) {
    throw new Error(`What answers at ${url} is no Parley server (HTTP ${response.status}).`);
  }
  const { available, ...rest } = answer.data.data;
  return { agents: available.filter(({ enabled }) => enabled), default: rest.default };
}
