import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { helpLine, settingsHelp } from './help.ts';
import { describeConfig, loadConfigFile, resolveConfig, SETTING_FLAGS } from './sources.ts';
import { table } from './table.ts';

export const configCommand: Command = {
  help: () =>
    [
      'Usage: parley config [flags]',
      '',
      'Prints the settings that parley serve would use with the same flags, in the same directory and',
      'environment, and where each was set. Secrets are masked.',
      '',
      helpLine('--json', 'As JSON, durations in milliseconds'),
      settingsHelp(),
    ].join('\n'),

  async run(args) {
    const { values, switches } = readArguments(args, { ...SETTING_FLAGS, json: {} }, 0);
    const file = await loadConfigFile(values.get('config'));
    const settings = describeConfig(resolveConfig({ flags: values, env: process.env, file }));
    if (switches.has('json')) {
      const entries = settings.map(({ name, value, source }) => [name, { value, source }]);
      process.stdout.write(`${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
    } else {
      const rows = settings.map(({ name, text, source }) => [name, text, source]);
      process.stdout.write(table([['SETTING', 'VALUE', 'SET BY'], ...rows]));
    }
    return 0;
  },
};
