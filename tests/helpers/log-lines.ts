/** What a gateway says in its log, for a test to look at. */
import type { Logger } from '../../packages/gateway/src/log.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface KeptLog {
  readonly logger: Logger;
  readonly lines: readonly LogLine[];
  /** What stands in the lines that are shown unless `logLevel` says more. */
  shown(): string[];
}

function keepIn(lines: LogLine[], always: LogLine['fields']): Logger {
  const write =
    (level: string): Logger['info'] =>
    (...line: [string] | [Readonly<Record<string, unknown>>, string]) => {
      const [fields, msg] = line.length === 1 ? [{}, line[0]] : line;
      lines.push({ level, msg, fields: { ...always, ...fields } });
    };
  return {
    fatal: write('fatal'),
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    trace: write('trace'),
    child: (fields) => keepIn(lines, { ...always, ...fields }),
  };
}

/** A log that keeps its lines. */
export function keptLog(): KeptLog {
  const lines: LogLine[] = [];
  const logger = keepIn(lines, {});
  const isShown = ({ level }: LogLine) => level !== 'debug' && level !== 'trace';
  return { logger, lines, shown: () => lines.filter(isShown).map(({ msg }) => msg) };
}
