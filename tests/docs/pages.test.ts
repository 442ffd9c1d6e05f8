import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { TOKEN_VARIABLE } from '../../packages/gateway/src/cli/client-token.ts';
import { flagOf, SETTING_FLAGS, variableOf } from '../../packages/gateway/src/cli/sources.ts';
import { parseOptions } from '../../packages/gateway/src/config.ts';
import { ROUTES } from '../../packages/gateway/src/http/routes.ts';
import { formatDuration } from '../../packages/gateway/src/setting-kinds.ts';
import { SETTINGS, settingInfo } from '../../packages/gateway/src/settings.ts';
import { anchorsIn, type Page, readPages } from './pages.ts';
import { ROOT } from './program.ts';

const pages = await readPages();

function page(file: string): Page {
  const found = pages.find((one) => one.file === file);
  if (!found) throw new Error(`There is no ${file}.`);
  return found;
}

function rows(text: string): string[][] {
  return [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) =>
    row.split('|').map((cell) => cell.trim()),
  );
}

test('every link within the documentation leads somewhere', () => {
  const broken = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].flatMap(([, link = '']) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(join(ROOT, target))) return [`${file}: ${link}`];
      const linked = pages.find((one) => one.file === target);
      const isThere = anchor === undefined || (linked && anchorsIn(linked).includes(anchor));
      return isThere ? [] : [`${file}: ${link}`];
    }),
  );
  expect(broken).toEqual([]);
});

test('every file that is named is there', () => {
  const missing = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/`((?:packages|tests|examples|docs)\/[\w./-]+)`/g)]
      .map(([, path = '']) => path)
      .filter((path) => !existsSync(join(ROOT, path)))
      .map((path) => `${file}: ${path}`),
  );
  // In ARCHITECTURE.md those of the gateway stand without the way to them.
  const source = join(ROOT, 'packages/gateway/src');
  const short = [...page('ARCHITECTURE.md').text.matchAll(/`([\w/-]+\.ts)`/g)]
    .map(([, path = '']) => path)
    .filter((path) => !existsSync(join(ROOT, path)) && !existsSync(join(source, path)));
  expect([...missing, ...short]).toEqual([]);
});

test('docs/configuration.md is the settings, each with its flag, variable and default', () => {
  const config = parseOptions({});
  const written = rows(page('docs/configuration.md').text).filter(([name]) =>
    name?.startsWith('`'),
  );
  expect(written).toEqual(
    SETTINGS.map((name) => {
      const { about, secret, kind } = settingInfo(name);
      const value = config[name];
      const text = kind === 'duration' ? formatDuration(Number(value)) : String(value ?? '');
      return [
        `\`${name}\``,
        secret ? '' : `\`--${flagOf(name)}\``,
        `\`${variableOf(name)}\``,
        text === '' ? '' : `\`${text}\``,
        about,
      ];
    }),
  );
});

test('the settings in README.md are among them, with their defaults', () => {
  const all = rows(page('docs/configuration.md').text);
  for (const [, variable = '', fallback = ''] of rows(page('README.md').text)) {
    if (!variable.startsWith('`PARLEY_')) continue;
    const setting = all.find(([, , name]) => name === variable);
    expect(setting?.[3]?.replaceAll('`', ''), variable).toBe(fallback);
  }
});

test('no flag, variable or setting is named that there is not', () => {
  const flags = new Set([
    ...Object.keys(SETTING_FLAGS),
    ...['help', 'version', 'session', 'agent'],
    // npm's and other programs'.
    ...['build', 'import', 'silent', 'no-concurrent-marking'],
  ]);
  const variables = new Set<string>([...SETTINGS.map(variableOf), TOKEN_VARIABLE]);
  const unknown = pages.flatMap(({ file, text }) => [
    ...[...text.matchAll(/(?<=[\s`(])--([a-z][a-z-]+)/g)]
      .filter(([, flag = '']) => !flags.has(flag))
      .map(([found]) => `${file}: ${found}`),
    ...[...text.matchAll(/\bPARLEY_[A-Z_]+/g)]
      .filter(([variable]) => !variables.has(variable))
      .map(([found]) => `${file}: ${found}`),
  ]);
  expect(unknown).toEqual([]);
});

test('docs/http-api.md lists the routes that there are', () => {
  const listed = rows(page('docs/http-api.md').text).flatMap(([route = '']) =>
    /^`(?:GET|POST|PATCH|DELETE) /.test(route) ? [route.slice(1, -1)] : [],
  );
  expect(listed.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
});

test('each promise in README.md names tests that cite it', async () => {
  const promises = rows(page('README.md').text).filter(([rule = '']) => /^R\d+$/.test(rule));
  expect(promises.length).toBe(12);
  for (const [rule, , tests = ''] of promises) {
    const files = [...tests.matchAll(/\]\(([^)]+)\)/g)].map(([, file = '']) => file);
    expect(files.length, rule).toBeGreaterThan(0);
    for (const file of files) {
      expect(await readFile(join(ROOT, file), 'utf8'), file).toContain(`[${rule}]`);
    }
  }
});

test('every dependency has its decision', async () => {
  const decisions = pages
    .filter(({ file }) => file.startsWith('docs/decisions/'))
    .map(({ text }) => text)
    .join('\n');
  const manifests = [
    '.',
    ...['protocol', 'client', 'gateway', 'web'].map((name) => `packages/${name}`),
  ];
  const names = await Promise.all(
    manifests.map(async (path) => {
      const json = JSON.parse(await readFile(join(ROOT, path, 'package.json'), 'utf8'));
      return Object.keys({ ...json.dependencies, ...json.devDependencies });
    }),
  );
  const undecided = names
    .flat()
    .filter((name) => !name.startsWith('@types/') && !name.startsWith('@parley/'))
    .filter((name) => !decisions.includes(`\`${name.replace('@biomejs/', '')}\``));
  expect(undecided).toEqual([]);
});
