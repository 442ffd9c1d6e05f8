import { ConfigError, maskPasswords } from '../config.ts';
import type { MoveProgress } from '../stores/move.ts';
import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { helpLine } from './help.ts';
import { loadConfigFile, resolveConfig, SETTING_FLAGS } from './sources.ts';

const { 'data-dir': dataDir = {}, store = {}, config = {} } = SETTING_FLAGS;
/** Between two lines of progress, milliseconds. */
const PROGRESS_INTERVAL = 1_000;
const NUMBER = new Intl.NumberFormat('en');

export const migrateCommand: Command = {
  help: () =>
    [
      'Usage: parley migrate [flags]',
      '',
      'Moves everything from the SQLite store in the data directory to PostgreSQL, so that several machines',
      'can share it: sessions, members, events, and answers that had not ended, which the first server that',
      'starts there takes up. Stop the server first. Every row is compared afterwards, and only then do',
      'servers see any of it; the data directory stays as it is. If it is ended, run it again: it goes on',
      'where it was.',
      '',
      helpLine('--data-dir <path>', 'The directory to move (./data)'),
      helpLine('--store <address>', 'Where to: postgres://user@host:port/database'),
      helpLine('--config <file>', 'Settings (parley.config.ts in this directory, if any)'),
      '',
      'Others can read a command line: put an address with a password into PARLEY_STORE.',
      '',
    ].join('\n'),

  async run(args) {
    const { values } = readArguments(args, { 'data-dir': dataDir, store, config }, 0);
    const file = await loadConfigFile(values.get('config'));
    const settings = resolveConfig({ flags: values, env: process.env, file });
    const { dataDir: from, store: url } = settings.config;
    if (!url.startsWith('postgres')) {
      throw new ConfigError([
        `store: expected where to move it, postgres://user@host:port/database, got ${url}. Name it with ` +
          '--store or PARLEY_STORE.',
      ]);
    }

    const { moveStore } = await import('../stores/move.ts');
    const to = maskPasswords(url);
    const progress = new Progress();
    const result = await moveStore({
      dataDir: from,
      url,
      report: (step) => progress.report(step),
      begun: (how) => progress.line(BEGUN[how](from, to)),
    }).finally(() => progress.end());
    switch (result.outcome) {
      case 'moved':
        progress.line(
          `Done: all rows are equal. Start servers with PARLEY_STORE set to ${to} now.`,
        );
        progress.line(`${from} is as it was; keep it until you are content.`);
        return 0;
      case 'moved_before':
        progress.line(
          `${from} was moved to ${to} at ${result.at.toISOString()}, and not used since. Nothing was done.`,
        );
        return 0;
      case 'different': {
        const { count, told, where } = result;
        const more =
          count > told.length ? [`… and ${NUMBER.format(count - told.length)} more.`] : [];
        const lines = [
          ...told.map((difference) => `${where}.${difference}`),
          ...more,
          `Rows that differ: ${NUMBER.format(count)}. Expected none: somebody else has written into the ` +
            `schema ${where}. Servers do not see it. Take it away (DROP SCHEMA ${where} CASCADE) and run ` +
            'this again.',
        ];
        process.stderr.write(lines.map((line) => `parley migrate: ${line}\n`).join(''));
        return 1;
      }
    }
  },
};

const BEGUN = {
  new: (from: string, to: string) => `Moving ${from} to ${to}.`,
  continued: (from: string, to: string) => `Moving ${from} to ${to}: going on where it was.`,
  anew: (from: string, to: string) =>
    `Moving ${from} to ${to}: anew, because what was there is of another store, or of this one before it ` +
    'was used again.',
} as const;

/** One line for each step that is done, and on a terminal one a second that is written over. */
class Progress {
  readonly #isTerminal = process.stdout.isTTY === true;
  #shownAt = -Infinity;
  #isShown = false;

  report({ step, rows, done, total }: MoveProgress): void {
    const verb = step === 'copied' ? 'Copied' : 'Compared';
    if (done === total) {
      this.line(`${verb} ${NUMBER.format(total)} ${rows}.`);
      return;
    }
    if (!this.#isTerminal || performance.now() - this.#shownAt < PROGRESS_INTERVAL) return;
    this.#shownAt = performance.now();
    this.end();
    process.stdout.write(`${verb} ${NUMBER.format(done)} of ${NUMBER.format(total)} ${rows}`);
    this.#isShown = true;
  }

  line(text: string): void {
    this.end();
    process.stdout.write(`${text}\n`);
  }

  /** What is said next is not about a step that is under way. */
  end(): void {
    if (this.#isShown) process.stdout.write('\r\x1b[K');
    this.#isShown = false;
  }
}
