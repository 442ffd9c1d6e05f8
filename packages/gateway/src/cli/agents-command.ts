import { readArguments, serverUrl } from './arguments.ts';
import { clientToken, TOKEN_HELP } from './client-token.ts';
import type { Command } from './command.ts';
import { askForAgents } from './server-agents.ts';
import { table } from './table.ts';

const DEFAULT_URL = 'http://localhost:8080';

export const agentsCommand: Command = {
  help: () =>
    [
      'Usage: parley agents [url]',
      '',
      `Lists the agents of the server at url (${DEFAULT_URL}).`,
      TOKEN_HELP,
      '',
    ].join('\n'),

  async run(args) {
    const { positionals } = readArguments(args, {}, 1);
    const url = serverUrl(positionals[0] ?? DEFAULT_URL);
    const { agents } = await askForAgents(url, clientToken());
    const rows = agents.map(({ name, role, description }) => [name, role, description]);
    process.stdout.write(
      rows.length === 0
        ? `The server at ${url} offers no agent.\n`
        : table([['NAME', 'ROLE', 'DESCRIPTION'], ...rows]),
    );
    return 0;
  },
};
