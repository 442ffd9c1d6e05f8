import packageJson from '../../package.json' with { type: 'json' };
import { type Config, maskPasswords } from '../config.ts';
import type { Gateway } from '../gateway.ts';
import { createLogger, type Logger } from '../log.ts';
import { readArguments } from './arguments.ts';
import type { Command } from './command.ts';
import { settingsHelp } from './help.ts';
import { collectForProcessors } from './processors.ts';
import { loadConfigFile, resolveConfig, SETTING_FLAGS } from './sources.ts';

export const serveCommand: Command = {
  help: () =>
    [
      'Usage: parley serve [flags]',
      '',
      'Starts the server: the chat, its WebSocket and its HTTP API.',
      '',
      settingsHelp(),
    ].join('\n'),

  async run(args) {
    const { values } = readArguments(args, SETTING_FLAGS, 0);
    const stopped = untilStopped();
    collectForProcessors();
    const file = await loadConfigFile(values.get('config'));
    const { config, given } = resolveConfig({ flags: values, env: process.env, file });
    const isTerminal = process.stdout.isTTY === true;
    const logger = await createLogger({ level: config.logLevel, pretty: isTerminal });
    surviveFaults(logger);

    // Only now: half a second that a wrong flag need not wait for.
    const { createGateway } = await import('../gateway.ts');
    const agents = file?.agents === undefined ? {} : { agents: file.agents };
    const endTracing =
      config.traces === 'on'
        ? await (await import('./tracing.ts')).startTracing(logger)
        : async () => {};
    try {
      const gateway = await createGateway({ ...given, ...agents, logger });
      const { node } = gateway;
      const { url } = await gateway.listen().catch(async (error: unknown) => {
        await gateway.close();
        throw error;
      });
      if (isTerminal) process.stdout.write(banner(url, gateway.config));
      else logger.info({ ...described(gateway), url }, 'Parley is listening');

      // Or an administrator has it drained, and has said so in the log.
      const signal = await Promise.race([stopped, gateway.closed]);
      if (signal !== undefined) {
        logger.info({ node, signal }, 'stopping: running answers may finish');
        await gateway.drain();
      }
      await endTracing();
      logger.info({ node }, 'stopped');
      return 0;
    } catch (error) {
      logger.debug({ err: error }, 'the server failed');
      throw error;
    }
  },
};

/** What makes the difference between one node and another. */
function described({ node, config }: Gateway): Readonly<Record<string, string>> {
  const { role, auth } = config;
  const [store, bus] = [maskPasswords(config.store), maskPasswords(config.bus)];
  return { node, version: packageJson.version, role, store, bus, auth };
}

/**
 * npm passes on a signal that the terminal has sent to its children already: Ctrl-C under `npm start`
 * arrives twice at once, and is meant once. Milliseconds.
 */
const SAME_SIGNAL_MS = 300;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Resolves at the first signal to stop; a second one ends the process at once. */
function untilStopped(): Promise<keyof typeof SIGNALS> {
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (first !== undefined && performance.now() - first > SAME_SIGNAL_MS) {
          process.exit(SIGNALS[signal]);
        }
        first ??= performance.now();
        resolve(signal);
      });
    }
  });
}

/**
 * What gets here was thrown by an agent outside of its run: in a timer, or in a promise that nobody
 * awaits. It ends neither the process nor anybody's connection (R9).
 */
function surviveFaults(logger: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    logger.error({ err: error, origin }, 'a fault that nothing caught; the server goes on');
  });
}

function banner(url: string, config: Config): string {
  const places: Record<string, string> = {
    'memory:': 'in memory, gone when the server stops',
    'sqlite:': config.dataDir,
  };
  const kept = places[config.store] ?? maskPasswords(config.store);
  const doors =
    config.role === 'worker'
      ? [`  Runs       agents only; readiness at ${url}/readyz`]
      : [`  Chat       ${url}`, `  WebSocket  ${url.replace(/^http/, 'ws')}/ws`];
  return [
    '',
    '  Parley is running.',
    '',
    ...doors,
    `  Data       ${kept}`,
    `  Agent      ${config.agent}`,
    '',
    '  Ctrl-C stops it.',
    '',
    '',
  ].join('\n');
}
