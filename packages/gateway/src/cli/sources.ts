/** Where settings come from: flags over environment over `parley.config.ts` over defaults. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AgentDefinition } from '../agents/agent.ts';
import {
  type Config,
  ConfigError,
  type ConfigOptions,
  checkSettings,
  maskPasswords,
  unknownSetting,
} from '../config.ts';
import { formatDuration } from '../setting-kinds.ts';
import { isSetting, SETTINGS, type SettingName, settingInfo } from '../settings.ts';
import type { Flags } from './arguments.ts';
import { TOKEN_VARIABLE } from './client-token.ts';

const CONFIG_FILE = 'parley.config.ts';
/** What the rest of the world calls a setting; all that is Parley's own counts more. */
const FOREIGN_VARIABLES: Partial<Record<SettingName, string>> = {
  modelApiKey: 'OPENAI_API_KEY',
  modelBaseUrl: 'OPENAI_BASE_URL',
};
/**
 * Kubernetes describes each service to every pod this way: PARLEY_PORT=tcp://… would otherwise keep a
 * pod from starting beside a service called parley.
 */
const SERVICE_LINK =
  /^PARLEY_(?:SERVICE_(?:HOST|PORT)[_=]|PORT_\d+_(?:TCP|UDP)[_=]|PORT=(?:tcp|udp):)/;

export function flagOf(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function variableOf(name: SettingName): string {
  return `PARLEY_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** A flag for each setting, and `--config`. */
export const SETTING_FLAGS: Flags = {
  ...Object.fromEntries(
    SETTINGS.map((name) => {
      const { kind, secret } = settingInfo(name);
      const refused = `others can read a command line; set ${variableOf(name)} instead.`;
      return [
        flagOf(name),
        secret ? { refused } : { value: kind === 'number' ? 'n' : kind, list: kind === 'list' },
      ];
    }),
  ),
  config: { value: 'file' },
};

export interface LoadedFile {
  /** As the person wrote it. */
  readonly path: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly agents?: readonly AgentDefinition[];
}

/**
 * Imports the configuration file.
 *
 * @param path absent: `parley.config.ts` in the working directory, if there is one.
 * @throws {ConfigError} where the file cannot be imported or exports something else.
 */
export async function loadConfigFile(path?: string): Promise<LoadedFile | undefined> {
  const file = path ?? CONFIG_FILE;
  const absolute = resolve(file);
  if (!existsSync(absolute)) {
    if (path === undefined) return undefined;
    throw new ConfigError([`${file}: there is no such file.`]);
  }
  const { default: exported } = await import(pathToFileURL(absolute).href).catch((error) => {
    throw new ConfigError([`${file}: ${importFault(error, absolute)}`]);
  });
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported)) {
    throw new ConfigError([
      `${file}: expected a default export: export default defineConfig({ … }).`,
    ]);
  }
  const { agents, ...settings } = exported as Record<string, unknown>;
  if (agents === undefined) return { path: file, settings };
  if (!Array.isArray(agents) || !agents.every(isAgent)) {
    throw new ConfigError([`${file}: agents: expected an array of what defineAgent returns.`]);
  }
  return { path: file, settings, agents };
}

function isAgent(value: unknown): value is AgentDefinition {
  if (typeof value !== 'object' || value === null) return false;
  return 'name' in value && 'run' in value && typeof value.run === 'function';
}

/** What went wrong in a file, in one line, with the line number where the engine tells it. */
function importFault(error: unknown, absolute: string): string {
  if (!(error instanceof Error)) return String(error);
  const [message = ''] = error.message.split('\n');
  const line = error.stack?.split(`${pathToFileURL(absolute).href}:`)[1] ?? '';
  const number = /^\d+/.exec(line)?.[0];
  return `${number === undefined ? '' : `line ${number}: `}${error.name}: ${message}`;
}

/** The settings in force, and of each where it was set. */
export interface Settings {
  readonly config: Config;
  /** `--port`, `PARLEY_PORT`, the path of the file, or `default`. */
  readonly sources: Readonly<Record<SettingName, string>>;
  /** Only what was set somewhere: for `createGateway`, whose defaults depend on what is left out. */
  readonly given: ConfigOptions;
}

/**
 * Puts the sources on top of one another and checks the result.
 *
 * @throws {ConfigError} listing every unknown and every wrong setting, and where each stands.
 */
export function resolveConfig({
  flags = new Map(),
  env = {},
  file,
}: {
  readonly flags?: ReadonlyMap<string, string>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly file?: LoadedFile | undefined;
}): Settings {
  const problems: string[] = [];
  const values: Partial<Record<SettingName, unknown>> = {};
  const sources = Object.fromEntries(SETTINGS.map((name) => [name, 'default'])) as Record<
    SettingName,
    string
  >;
  function set(name: SettingName, value: unknown, source: string): void {
    values[name] = value;
    sources[name] = source;
  }

  const isSet = (name: SettingName) =>
    Boolean(flags.has(flagOf(name)) || env[variableOf(name)] || file?.settings[name]);
  // Many environments have these for other programs. They count where models are asked for, and not
  // where there is a server of one's own, which must not see a key that was made for another.
  const isForeignWanted = isSet('models') && !isSet('modelBaseUrl');
  for (const [name, variable] of Object.entries(FOREIGN_VARIABLES)) {
    if (isForeignWanted && isSetting(name) && env[variable]) set(name, env[variable], variable);
  }
  for (const [name, value] of Object.entries(file?.settings ?? {})) {
    if (!isSetting(name)) problems.push(`${file?.path}: ${unknownSetting(name, SETTINGS)}`);
    else if (value !== undefined) set(name, value, file?.path ?? '');
  }
  const byVariable = new Map(SETTINGS.map((name) => [variableOf(name), name]));
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('PARLEY_') || text === undefined) continue;
    if (variable === TOKEN_VARIABLE || SERVICE_LINK.test(`${variable}=${text}`)) continue;
    const name = byVariable.get(variable);
    if (!name) problems.push(unknownSetting(variable, [...byVariable.keys()]));
    // An empty variable is what a compose file makes of one that is not set. Where '' means something, it counts.
    else if (text !== '' || name === 'ollamaUrl') set(name, fromText(name, text), variable);
  }
  for (const name of SETTINGS) {
    const text = flags.get(flagOf(name));
    if (text !== undefined) set(name, fromText(name, text), `--${flagOf(name)}`);
  }

  function whereOf(name: SettingName): string {
    const source = sources[name];
    if (source === 'default') return name;
    return source === file?.path ? `${source}: ${name}` : source;
  }
  const config = checkSettings(values, whereOf, problems);
  const given = Object.fromEntries(
    SETTINGS.filter((name) => sources[name] !== 'default').map((name) => [name, config[name]]),
  );
  return { config, sources, given };
}

/** What the text of a flag or a variable stands for; the schema judges it. */
function fromText(name: SettingName, text: string): unknown {
  switch (settingInfo(name).kind) {
    case 'number':
      return /^\s*-?\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : text;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    case 'duration':
    case 'text':
      return text;
  }
}

export interface DescribedSetting {
  readonly name: SettingName;
  /** Secrets masked; durations as milliseconds. */
  readonly value: Config[SettingName];
  /** The same for people. */
  readonly text: string;
  readonly source: string;
}

/** The settings in force as they may be shown to anyone. */
export function describeConfig({ config, sources }: Settings): DescribedSetting[] {
  return SETTINGS.map((name) => {
    const { secret, kind } = settingInfo(name);
    const isSet = Array.isArray(config[name])
      ? config[name].length > 0
      : config[name] !== undefined;
    const shown = secret && isSet ? '***' : config[name];
    const isAddress = name === 'store' || name === 'bus';
    const value = isAddress ? maskPasswords(config[name]) : shown;
    const text =
      kind === 'duration' && typeof value === 'number'
        ? formatDuration(value)
        : Array.isArray(value)
          ? value.join(', ')
          : String(value ?? '');
    return { name, value, text, source: sources[name] };
  });
}
