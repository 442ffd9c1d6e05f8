import { readArguments, serverUrl } from './arguments.ts';
import { commandLine } from './called-as.ts';
import { chat } from './chat.ts';
import { clientToken, TOKEN_HELP } from './client-token.ts';
import type { Command } from './command.ts';
import { helpLine } from './help.ts';

const DEFAULT_URL = 'http://localhost:8080';

export const chatCommand: Command = {
  help: () =>
    [
      'Usage: parley chat [url] [flags]',
      '',
      `Chats with an agent of the server at url (${DEFAULT_URL}). Ctrl-C stops an answer, Ctrl-D`,
      'leaves. Where the input is no terminal, each line is a question, and only answers are printed.',
      TOKEN_HELP,
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
    const given = positionals[0];
    const url = serverUrl(given ?? DEFAULT_URL);
    const token = clientToken();
    return chat({
      url,
      ...(token === undefined ? {} : { token }),
      command: commandLine('chat', ...(given === undefined ? [] : [given])),
      ...(session === undefined ? {} : { session }),
      ...(agent === undefined ? {} : { agent }),
    });
  },
};
