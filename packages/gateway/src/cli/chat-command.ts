import { readArguments, serverUrl } from './arguments.ts';
import { chat } from './chat.ts';
import type { Command } from './command.ts';
import { helpLine } from './help.ts';

const DEFAULT_URL = 'http://localhost:8080';

export const chatCommand: Command = {
  help: () =>
    [
      'Usage: parley chat [url] [flags]',
      '',
      `Chats with an agent of the server at url (${DEFAULT_URL}). Ctrl-C stops an answer.`,
      '',
      helpLine('--session <id>', 'Go on with this conversation (a new one)'),
      helpLine('--agent <name>', "The agent to ask (the session's)"),
      '',
    ].join('\n'),

  async run(args) {
    const flags = { session: { value: 'id' }, agent: { value: 'name' } };
    const { values, positionals } = readArguments(args, flags, 1);
    const session = values.get('session');
    const agent = values.get('agent');
    const [url] = positionals;
    // As it was called: the bare name is on the PATH of those only who installed the package.
    const program =
      process.env.npm_lifecycle_event === 'parley' ? 'npm run parley -- chat' : 'parley chat';
    return chat({
      url: serverUrl(url ?? DEFAULT_URL),
      command: url === undefined ? program : `${program} ${url}`,
      ...(session === undefined ? {} : { session }),
      ...(agent === undefined ? {} : { agent }),
    });
  },
};
