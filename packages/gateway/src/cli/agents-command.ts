import * as z from 'zod';
import { readArguments, serverUrl } from './arguments.ts';
import type { Command } from './command.ts';
import { table } from './table.ts';

const DEFAULT_URL = 'http://localhost:8080';
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
  }),
});

export const agentsCommand: Command = {
  help: () =>
    [
      'Usage: parley agents [url]',
      '',
      `Lists the agents of the server at url (${DEFAULT_URL}).`,
      '',
    ].join('\n'),

  async run(args) {
    const { positionals } = readArguments(args, {}, 1);
    const url = serverUrl(positionals[0] ?? DEFAULT_URL);
    const agents = await askForAgents(url);
    const rows = agents
      .filter(({ enabled }) => enabled)
      .map(({ name, role, description }) => [name, role, description]);
    process.stdout.write(
      rows.length === 0
        ? `The server at ${url} offers no agent.\n`
        : table([['NAME', 'ROLE', 'DESCRIPTION'], ...rows]),
    );
    return 0;
  },
};

async function askForAgents(url: string) {
  let response: Response;
  try {
    response = await fetch(`${url}/api/agents`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new Error(
      `No server answers at ${url}. Start one with parley serve, or name another: parley agents <url>.`,
      { cause: error },
    );
  }
  const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
  if (!answer.success) {
    throw new Error(`What answers at ${url} is no Parley server (HTTP ${response.status}).`);
  }
  return answer.data.data.available;
}
