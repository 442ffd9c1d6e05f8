/**
 * Checks settings, wherever they come from, and says of each wrong one where it stands and what was
 * expected there.
 */
import * as z from 'zod';
import type { AgentDefinition } from './agents/agent.ts';
import { isSetting, SETTINGS, type SettingName, settingInfo, shape } from './settings.ts';

const schema = z.strictObject(shape).superRefine((config, context) => {
  for (const soft of ['maxMessageBytes', 'maxPlainMessageBytes'] as const) {
    if (config.hardMessageBytes > config[soft]) continue;
    const message = `more than ${soft} (${config[soft]}), got ${config.hardMessageBytes}`;
    context.addIssue({ code: 'custom', path: ['hardMessageBytes'], message, params: { soft } });
  }
});

/** Settings in force, checked. Durations are milliseconds. */
export type Config = Readonly<z.output<typeof schema>>;
/** Settings as people write them: each may be left out, and a duration may be text such as `10m`. */
export type ConfigOptions = Readonly<z.input<typeof schema>>;

/** What `parley.config.ts` exports as its default. */
export interface ConfigFile extends ConfigOptions {
  /**
   * What answers, instead of the agents that come with Parley. The first one is the default unless
   * `agent` names another.
   */
  readonly agents?: readonly AgentDefinition[];
}

/**
 * Returns what it is given: it is there for its types, so that an editor completes the settings.
 *
 * @example
 * // parley.config.ts
 * import { defineAgent, defineConfig } from '@parley/gateway';
 *
 * export default defineConfig({
 *   port: 9000,
 *   runTimeout: '2m',
 *   agents: [defineAgent({ name: 'parrot', run: ({ message }) => message })],
 * });
 */
export function defineConfig(config: ConfigFile): ConfigFile {
  return config;
}

/** Wrong settings, all of them: a line each in `problems` and in the message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * Fills in the defaults and checks the settings that are given.
 *
 * @throws {ConfigError} naming every unknown and every wrong one.
 */
export function parseOptions(options: ConfigOptions): Config {
  const unknown = Object.keys(options)
    .filter((name) => !isSetting(name))
    .map((name) => unknownSetting(name, SETTINGS));
  const known = Object.entries(options).filter(([name]) => isSetting(name));
  return checkSettings(Object.fromEntries(known), (name) => name, unknown);
}

/**
 * Checks values that may be anything, under the names of settings.
 *
 * @param whereOf says where the value of a setting stands: `--port`, `PARLEY_PORT` …
 * @param problems what is known to be wrong already; reported with what is found here.
 * @throws {ConfigError}
 */
export function checkSettings(
  values: Readonly<Partial<Record<SettingName, unknown>>>,
  whereOf: (name: SettingName) => string,
  problems: readonly string[] = [],
): Config {
  const result = schema.safeParse(values);
  if (result.success && problems.length === 0) return result.data;
  const wrong = new Map<SettingName, string>();
  for (const issue of result.error?.issues ?? []) {
    const name = String(issue.path[0]);
    if (!isSetting(name) || wrong.has(name)) continue;
    const { expected, secret } = settingInfo(name);
    const got = secret ? '' : `, got ${show(values[name])}`;
    const isRelation = issue.code === 'custom' && issue.params !== undefined;
    const said = isRelation ? issue.message : `${expected}${got}`;
    wrong.set(name, `${whereOf(name)}: expected ${said}.`);
  }
  throw new ConfigError([...problems, ...wrong.values()]);
}

/** The words for a name that no setting has. */
export function unknownSetting(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return `${name}: there is no such setting.${meant ? ` Did you mean ${meant}?` : ''}`;
}

/** A value in a message: on one line, short, and without the password of a URL. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle or a bigint: its kind has to do.
  }
  text = maskPasswords(text ?? typeof value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** Without the user and password of a URL, whether they stand before its host or among its parameters. */
export function maskPasswords(text: string): string {
  return text.replaceAll(/\/\/[^/]*@/g, '//***@').replaceAll(/([?&]password=)[^&"]*/gi, '$1***');
}

/** The one of `known` that `name` most likely was meant to be, if any is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.slice(0, 64).toLowerCase();
  let best: string | undefined;
  // Of a short name a slip of two characters leaves nothing to recognise.
  const slips = wanted.length < 4 ? 1 : Math.max(2, Math.floor(wanted.length / 3));
  let bestDistance = slips + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's: how many characters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
