/** The command line: flags and arguments, read with `node:util`, and wrong ones named. */
import { parseArgs } from 'node:util';
import { nearest } from '../config.ts';

interface Flag {
  /** What stands for the value in `--help`; a flag without one takes no value. */
  readonly value?: string;
  readonly short?: string;
  /** Given several times, the values are joined with commas. */
  readonly list?: boolean;
  /** Why there is no such flag, though there might be. */
  readonly refused?: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** Parley was called wrongly: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Arguments {
  /** Of the flags with a value, by name without `--`. */
  readonly values: ReadonlyMap<string, string>;
  /** The flags without a value that were given. */
  readonly switches: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

const COMMON: Flags = { help: { short: 'h' }, version: { short: 'v' } };

/**
 * Reads the arguments of a command. `--help` and `--version` are always known.
 *
 * @param most how many arguments that are no flags the command takes.
 * @throws {UsageError} naming every unknown flag, or what else is wrong.
 */
export function readArguments(args: readonly string[], own: Flags, most: number): Arguments {
  const flags: Flags = { ...own, ...COMMON };
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, option(flag)])),
    // Strict would say less than is said here.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string>();
  const switches = new Set<string>();
  const positionals: string[] = [];
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = Object.hasOwn(flags, token.name) ? flags[token.name] : undefined;
    if (!flag || flag.refused !== undefined) {
      problems.push(unknownFlag(token.rawName, flag, flags));
    } else if (flag.value === undefined) {
      if (token.value !== undefined) problems.push(`${token.rawName} takes no value.`);
      switches.add(token.name);
    } else if (token.value === undefined || (!token.inlineValue && isFlag(token.value))) {
      problems.push(`${token.rawName}: a value is missing: ${token.rawName} <${flag.value}>.`);
    } else {
      const before = flag.list ? values.get(token.name) : undefined;
      values.set(token.name, before === undefined ? token.value : `${before},${token.value}`);
    }
  }
  const surplus = positionals[most];
  if (problems.length === 0 && surplus !== undefined && !switches.has('help')) {
    problems.push(`${JSON.stringify(surplus)}: nothing is expected here.`);
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return { values, switches, positionals };
}

function option({ value, short }: Flag): { type: 'string' | 'boolean'; short?: string } {
  const type = value === undefined ? 'boolean' : 'string';
  return short === undefined ? { type } : { type, short };
}

/** `-1` is a value, wrong as it may be. */
function isFlag(text: string): boolean {
  return /^-\D/.test(text);
}

function unknownFlag(rawName: string, flag: Flag | undefined, flags: Flags): string {
  if (flag?.refused !== undefined) return `${rawName}: ${flag.refused}`;
  const known = Object.entries(flags).filter(([, { refused }]) => refused === undefined);
  const meant = nearest(
    rawName,
    known.map(([name]) => `--${name}`),
  );
  return `${rawName}: there is no such flag.${meant ? ` Did you mean ${meant}?` : ''}`;
}

/**
 * The base URL of a server as people write it: `localhost:9000` and `ws://localhost:9000/ws` do.
 *
 * @throws {UsageError} where it is none.
 */
export function serverUrl(text: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  const scheme =
    url && { 'http:': 'http', 'https:': 'https', 'ws:': 'http', 'wss:': 'https' }[url.protocol];
  if (!url || !scheme) {
    throw new UsageError(`${JSON.stringify(text)}: expected a URL such as http://localhost:8080.`);
  }
  return `${scheme}://${url.host}`;
}
