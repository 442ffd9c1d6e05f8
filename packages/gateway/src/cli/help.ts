/** What `--help` says of the settings, from the schema itself. */
import { parseOptions } from '../config.ts';
import { formatDuration } from '../setting-kinds.ts';
import { isSetting, SETTING_GROUPS, settingInfo } from '../settings.ts';
import { flagOf, SETTING_FLAGS, variableOf } from './sources.ts';

/** A flag and what it does, in the columns that all commands share. */
export function helpLine(flag: string, about: string): string {
  return `  ${flag.padEnd(33)}  ${about}`;
}

/** Every setting under its heading, with its flag, default and unit. */
export function settingsHelp(): string {
  const defaults = parseOptions({});
  const groups = Object.entries(SETTING_GROUPS).map(([heading, settings]) => {
    const lines = Object.keys(settings)
      .filter(isSetting)
      .map((name) => {
        const { about, kind, unit, secret } = settingInfo(name);
        const value = defaults[name];
        const fallback = kind === 'duration' ? formatDuration(Number(value)) : String(value ?? '');
        const shown =
          fallback === '' ? '' : ` (${fallback}${unit && name !== 'port' ? ` ${unit}` : ''})`;
        const flag = secret
          ? variableOf(name)
          : `--${flagOf(name)} <${SETTING_FLAGS[flagOf(name)]?.value}>`;
        return helpLine(flag, `${about}${shown}`);
      });
    return [`${heading}:`, ...lines, ''].join('\n');
  });
  return [
    helpLine('--config <file>', 'Settings and agents (parley.config.ts in this directory, if any)'),
    '',
    ...groups,
    'In brackets: what holds where nothing is set. Each setting can also stand in the environment',
    `(--max-runs is ${variableOf('maxRuns')}) and in parley.config.ts (maxRuns: 8); a flag counts more than the`,
    'environment, and that more than the file. A duration is written 500ms, 25s, 10m, 24h or 7d.',
    '',
  ].join('\n');
}
