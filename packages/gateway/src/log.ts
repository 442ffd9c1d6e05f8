/** The log: JSON lines for machines, or text for the person at the terminal. */
import { type DestinationStream, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config.ts';

interface Write {
  (fields: Readonly<Record<string, unknown>>, message: string): void;
  (message: string): void;
}

/** What the gateway asks of a log. An error goes under `err`, so that its stack and cause are kept. */
export interface Logger {
  readonly fatal: Write;
  readonly error: Write;
  readonly warn: Write;
  readonly info: Write;
  readonly debug: Write;
  readonly trace: Write;
  /** A log whose every line has these fields. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

const secretNames = ['token', 'authorization', 'apiKey', 'modelApiKey', 'cookie'];

export interface LoggerOptions {
  readonly level: Config['logLevel'];
  /** Text instead of JSON lines, in colour where standard output is a terminal. */
  readonly pretty: boolean;
}

/**
 * Makes a log that writes to standard output. What stands in a field called `token`,
 * `authorization`, `cookie`, `apiKey` or `modelApiKey`, up to two levels deep, is not written.
 */
export async function createLogger({ level, pretty }: LoggerOptions): Promise<Logger> {
  const logger: Logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '***',
      },
    },
    await destination(pretty),
  );
  return logger;
}

async function destination(pretty: boolean): Promise<DestinationStream> {
  if (!pretty) {
    // Not `sync`, which would make the event loop wait where standard output is a full pipe. What
    // is left when the process exits is written then.
    return pino.destination({ dest: 1, sync: false });
  }
  const { default: prettyPrinter } = await import('pino-pretty');
  return prettyPrinter({ translateTime: 'SYS:HH:MM:ss', sync: true });
}
