import { newToken } from '../auth/token-file.ts';
import { readArguments, UsageError } from './arguments.ts';
import type { Command } from './command.ts';

export const tokenCommand: Command = {
  help: () =>
    [
      'Usage: parley token <name>',
      '',
      'Makes a token for the person or program of this name, and the line that makes it known to a server:',
      'add it to the file that the setting tokensFile names. With " until=2027-01-31" at its end it is good',
      'until then. A line "revoked <name>" takes all tokens of that name back, also those of others\' making.',
      '',
    ].join('\n'),

  async run(args) {
    const [name] = readArguments(args, {}, 1).positionals;
    if (name === undefined || !/^[\x21-\x7e]{1,128}$/.test(name)) {
      throw new UsageError('expected a name: 1 to 128 printable ASCII characters without spaces.');
    }
    const { token, line } = newToken(name);
    process.stdout.write(
      `The token of ${name}, which is kept nowhere:\n\n  ${token}\n\n` +
        `The line for the file that tokensFile names:\n\n  ${line}\n`,
    );
    return 0;
  },
};
