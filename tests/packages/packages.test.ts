/** What is published: built, packed, and installed into a project that has nothing else. */
import { existsSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksIn } from '../docs/pages.ts';
import { Program, ROOT } from '../docs/program.ts';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import {
  buildPackages,
  filesBelow,
  install,
  installedPackages,
  NAMES,
  pack,
  run,
  type Tarball,
} from './project.ts';

const PARLEY = 'node_modules/.bin/parley';

let project: string;
let tarballs: readonly Tarball[];

beforeAll(async () => {
  project = await temporaryDirectory(afterAll);
  await buildPackages();
  tarballs = await pack(project);
  await install(project, tarballs);
}, 300_000);

async function readManifest(name: string) {
  const path = join(project, 'node_modules/@parley', name, 'package.json');
  return JSON.parse(await readFile(path, 'utf8'));
}

/** The README of the installed package. */
const readmeOf = (name: string) => join(project, 'node_modules/@parley', name, 'README.md');

/** The program of a page that calls `what`. */
async function programIn(file: string, what: string): Promise<string> {
  const blocks = blocksIn({ file, text: await readFile(file, 'utf8') }, 'ts');
  const program = blocks.find((code) => code.startsWith('import ') && code.includes(`${what}(`));
  if (program === undefined) throw new Error(`${file} has no program that calls ${what}.`);
  return program;
}

/** Saved as JavaScript, which it therefore has to be, and run without any compiler. */
async function start(code: string, env?: Record<string, string>): Promise<Program> {
  const file = `program-${Math.random()}.mjs`;
  await writeFile(join(project, file), code);
  return new Program([file], project, env);
}

test.each(NAMES)('publint finds nothing in @parley/%s', async (name) => {
  const { filename } = tarballs.find((one) => one.name === `@parley/${name}`) as Tarball;
  const { buffer } = new Uint8Array(await readFile(join(project, filename)));
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

test('a tarball holds what its package needs, and nothing else', async () => {
  for (const { name, files } of tarballs) {
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
    const code = paths.filter((path) => path.startsWith('lib/'));
    expect(
      code.filter((path) => !/\.(?:js|d\.ts)$/.test(path)),
      name,
    ).toEqual([]);
    const others = paths.filter((path) => !/^(?:lib|web)\//.test(path));
    const known = /^(?:LICENSE|README\.md|PROTOCOL\.md|package\.json|documentation\/.+\.md)$/;
    expect(
      others.filter((path) => !known.test(path)),
      name,
    ).toEqual([]);
    expect(paths.filter((path) => /\btests?\b|\.map$|tsbuildinfo/.test(path))).toEqual([]);
  }
});

test('no published file names a place of the machine that built it, or a source map', async () => {
  for (const name of NAMES) {
    const directory = join(project, 'node_modules/@parley', name);
    for (const { path } of await filesBelow(directory)) {
      const text = await readFile(join(directory, path), 'utf8');
      expect(text.includes(ROOT.replace(/\/$/, '')), path).toBe(false);
      expect(text, path).not.toMatch(/^\/\/# sourceMappingURL=/m);
    }
  }
});

test('the packages have one version, and each asks for exactly that of the others', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  for (const name of NAMES) {
    const manifest = await readManifest(name);
    expect(manifest).toMatchObject({ version, license: 'Apache-2.0', type: 'module' });
    expect(Object.keys(manifest)).not.toContain('private');
    for (const [dependency, range] of Object.entries(manifest.dependencies)) {
      if (dependency.startsWith('@parley/')) expect(range, dependency).toBe(version);
    }
  }
});

test('an install brings no React, and compiles nothing', async () => {
  const packages = await installedPackages(project);
  const files = await filesBelow(join(project, 'node_modules'));
  const megabytes = files.reduce((sum, { size }) => sum + size, 0) / 1e6;
  console.log(
    [
      ...tarballs.map(({ filename, size, files: { length } }) => {
        return `${filename}: ${(size / 1e3).toFixed(1)} kB, ${length} files`;
      }),
      `installed: ${packages.length} packages, ${megabytes.toFixed(1)} MB`,
    ].join('\n'),
  );
  expect(packages).toContain('better-sqlite3');
  expect(packages.filter((name) => /\breact\b/.test(name))).toEqual([]);
  expect(existsSync(join(project, 'node_modules/better-sqlite3/build'))).toBe(false);
});

test.each([
  { title: 'the README', file: () => join(ROOT, 'README.md') },
  { title: 'the README of @parley/gateway', file: () => readmeOf('gateway') },
])('the ten lines of $title run as printed, and answer', async ({ file }) => {
  const program = await start(await programIn(file(), 'createGateway'));
  const socket = await TestSocket.open(`ws://127.0.0.1:${await program.port()}/ws`);
  const { data } = await socket.ask('Land');
  expect(data).toMatchObject({ agent_name: 'parrot', content: 'Land? Land!' });
});

test('the program in the README of @parley/client runs as printed, and prints the answer', async () => {
  const server = new Program([PARLEY, 'serve', '--port', '0', '--agent', 'echo'], project);
  const program = await start(await programIn(readmeOf('client'), 'createClient'), {
    DOCS_PORT: await server.port(),
  });
  expect(await program.ended).toBe(0);
  expect(program.output.trim()).toBe('What is Parley?');
});

test('the program in the README of @parley/protocol runs as printed', async () => {
  const program = await start(await programIn(readmeOf('protocol'), 'decode'));
  expect(await program.ended).toBe(0);
  const [pong = '', error = ''] = program.output.trim().split('\n');
  expect(JSON.parse(pong)).toMatchObject({ type: 'pong' });
  expect(JSON.parse(error)).toMatchObject({ data: { code: 'UNKNOWN_MESSAGE_TYPE' } });
});

test('every entry can be imported', async () => {
  const optional = new Set<string>();
  const entries: string[] = [];
  for (const name of NAMES) {
    const { exports, peerDependenciesMeta = {} } = await readManifest(name);
    for (const path of Object.keys(exports)) entries.push(posix.join('@parley', name, path));
    for (const peer of Object.keys(peerDependenciesMeta)) optional.add(peer);
  }
  const program = await start(
    `for (const entry of ${JSON.stringify(entries)}) await import(entry).then(
      () => console.log('imported'),
      ({ message }) => console.log(message),
    );`,
  );
  expect(await program.ended).toBe(0);
  const results = program.output.trim().split('\n');
  expect(results.length).toBe(entries.length);
  const faults = results.filter((result) => {
    const missing = /^Cannot find package '([^']+)'/.exec(result)?.[1];
    return result !== 'imported' && !optional.has(missing ?? '');
  });
  expect(faults).toEqual([]);
});

test('npx parley runs', async () => {
  const { version } = await readManifest('gateway');
  expect(await run('npx', ['--no-install', 'parley', '--version'], project)).toBe(`${version}\n`);
});

test('[R12] parley serve says what to install for traces, which an install does not bring', async () => {
  const program = new Program([PARLEY, 'serve', '--port', '0', '--traces', 'on'], project);
  expect(await program.ended).toBe(2);
  expect(program.output).toContain('npm install @opentelemetry/sdk-node');
});

test('parley serve has the web chat, and a guide who knows the documentation', async () => {
  const server = new Program([PARLEY, 'serve', '--port', '0'], project);
  const origin = `http://127.0.0.1:${await server.port()}`;
  const page = await (await fetch(origin)).text();
  const assets = [...page.matchAll(/(?:src|href)="([^"]*assets\/[^"]+)"/g)];
  expect(assets.length).toBeGreaterThan(1);
  for (const [, path = ''] of assets) {
    expect((await fetch(new URL(path, origin))).status, path).toBe(200);
  }

  const socket = await TestSocket.open(`${origin.replace('http', 'ws')}/ws`);
  const { data } = await socket.ask('How do I use Ollama?');
  expect(data).toMatchObject({ agent_name: 'guide', status: 'complete' });
  expect(data.content).toContain('Source: `docs/agents.md`');
});

test.each([
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
])(
  'programs are checked against the published types ($moduleResolution)',
  async (resolution) => {
    await cp(join(ROOT, 'tests/packages/fixtures/consumer.ts'), join(project, 'consumer.mts'));
    const programs = { protocol: 'decode', client: 'createClient', gateway: 'createGateway' };
    for (const [name, what] of Object.entries(programs)) {
      await writeFile(join(project, `${name}.mts`), await programIn(readmeOf(name), what));
    }
    const compilerOptions = {
      ...resolution,
      target: 'es2023',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
    };
    const config = { compilerOptions, include: ['*.mts'] };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config));
    await run(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'],
      project,
    );
  },
  120_000,
);
