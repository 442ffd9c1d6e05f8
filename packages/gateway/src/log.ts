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

/** Settings, headers and fields of messages; the subprotocols of an upgrade may hold a token. */
const secretNames = [
  'token',
  'ticket',
  'authorization',
  'cookie',
  'set-cookie',
  'sec-websocket-protocol',
  'apiKey',
  'modelApiKey',
  'jwtSecret',
  'signingKeys',
];

export interface LoggerOptions {
  readonly level: Config['logLevel'];
  /** Text instead of JSON lines, in colour where standard output is a terminal. */
  readonly pretty: boolean;
}

/** From this level on (pino's number of `warn`) a line is written at most so often in an interval: */
const SPARING_FROM = 40;
const MOST_IN_INTERVAL = 20;
/** milliseconds. What a client can do over and over must not fill a disk with what is said of it. */
const INTERVAL_MS = 10_000;

/** Counts lines by their message, of which there are as many as stand in the code. */
class Repetitions {
  readonly #counts = new Map<string, { since: number; count: number }>();

  /** `undefined`: the line is one too many; else how many were left out before it. */
  leftOut(message: string): number | undefined {
    const now = performance.now();
    const known = this.#counts.get(message);
    if (!known || now - known.since >= INTERVAL_MS) {
      this.#counts.set(message, { since: now, count: 1 });
      return Math.max(0, (known?.count ?? 0) - MOST_IN_INTERVAL);
    }
    known.count += 1;
    return known.count > MOST_IN_INTERVAL ? undefined : 0;
  }
}

/**
 * Makes a log that writes to standard output. What stands in a field of a secret's name, up to two
 * levels deep, is not written. Of warnings and errors with the same message 20 are written in 10 s;
 * the next one says in `left_out` how many were not.
 */
export async function createLogger({ level, pretty }: LoggerOptions): Promise<Logger> {
  const repetitions = new Repetitions();
  const logger: Logger = pino(
    {
      level,
      base: null,
      hooks: {
        logMethod(line, write, levelNumber) {
          const [fields, message] = line as [object | string, string?];
          const leftOut =
            levelNumber < SPARING_FROM || typeof fields === 'string' || message === undefined
              ? 0
              : repetitions.leftOut(message);
          if (leftOut === undefined) return;
          if (leftOut === 0) write.apply(this, line);
          else write.apply(this, [{ ...(fields as object), left_out: leftOut }, message as string]);
        },
      },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
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
  // Whoever sits before it sees one node.
  return prettyPrinter({ translateTime: 'SYS:HH:MM:ss', ignore: 'node', sync: true });
}
