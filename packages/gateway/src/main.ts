#!/usr/bin/env node
/** The command line's entry. Commands are imported when they are called, so that `--version` is instant. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import type { Command } from './cli/command.ts';

// A later start finds its code compiled. Beside the code, and not in a directory of everybody's: who may write there
// could change the code as well. Where it cannot be written, nothing is kept.
enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)));

const COMMANDS: Readonly<Record<string, { about: string; load(): Promise<Command> }>> = {
  serve: {
    about: 'Start the server: the chat, its WebSocket and its HTTP API.',
    load: async () => (await import('./cli/serve-command.ts')).serveCommand,
  },
  chat: {
    about: 'Chat with an agent of a running server, here in the terminal.',
    load: async () => (await import('./cli/chat-command.ts')).chatCommand,
  },
  agents: {
    about: 'List the agents of a running server.',
    load: async () => (await import('./cli/agents-command.ts')).agentsCommand,
  },
  token: {
    about: 'Make a token for a person or a program.',
    load: async () => (await import('./cli/token-command.ts')).tokenCommand,
  },
  migrate: {
    about: 'Move the store of one machine to PostgreSQL, for many.',
    load: async () => (await import('./cli/migrate-command.ts')).migrateCommand,
  },
  config: {
    about: 'Print the settings in force and where each was set.',
    load: async () => (await import('./cli/config-command.ts')).configCommand,
  },
};

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { about }]) => `  ${name.padEnd(width)}  ${about}`,
  );
  return [
    'Parley: the real-time layer between people and AI agents.',
    '',
    'Usage: parley <command> [arguments]',
    '',
    ...lines,
    '',
    'parley <command> --help says more. --version prints the version.',
    'Exit status: 0 done, 1 failed, 2 called or configured wrongly.',
    '',
  ].join('\n');
}

/** Whether one of the flags is given, wherever it stands before `--`. */
function asksFor(args: readonly string[], ...flags: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).some((argument) => flags.includes(argument));
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (asksFor(args, '--version', '-v')) {
    process.stdout.write(`${packageJson.version}\n`);
    return 0;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(overview());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    const { nearest } = await import('./config.ts');
    const meant = nearest(name, Object.keys(COMMANDS));
    const hint = meant ? ` Did you mean parley ${meant}?` : '';
    process.stderr.write(
      `parley: ${JSON.stringify(name)}: there is no such command.${hint}\n` +
        'parley --help lists the commands.\n',
    );
    return 2;
  }
  const { help, run } = await command.load();
  if (asksFor(rest, '--help', '-h')) {
    process.stdout.write(help());
    return 0;
  }
  try {
    return await run(rest);
  } catch (error) {
    const { explain } = await import('./cli/failure.ts');
    const { lines, status } = explain(error);
    process.stderr.write(lines.map((line) => `parley ${name}: ${line}\n`).join(''));
    if (status === 2) process.stderr.write(`parley ${name} --help says what there is.\n`);
    return status;
  }
}

// A reader that goes away (`parley config | head -1`) is no fault of ours.
process.stdout.on('error', () => {});
process.exit(await main(process.argv.slice(2)));
