/**
 * What the Dockerfile of the example says, done here without a container engine: its commands in an empty
 * directory, and the result started as another user. Too long for `npm test`: it installs twice.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { only, readDockerfile, type Stage } from '../../docs/dockerfile.ts';
import { ROOT } from '../../docs/program.ts';
import { freePort } from '../../helpers/free-port.ts';
import { TestSocket } from '../../helpers/socket.ts';

const run = promisify(execFile);
/** In the place of the image's user `node`. */
const USER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
/** As in Dockerfile.dockerignore. */
const NOT_COPIED = new Set(['node_modules', 'dist']);

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-image-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'bin'));
  await copyFile(process.execPath, join(directory, 'bin/node'));
  return directory;
}

/** Does what a stage says in the directory of its name, and returns that. */
async function build(stage: Stage, directory: string, env: Record<string, string>) {
  const work = join(directory, stage.name ?? 'image');
  await mkdir(work);
  for (const { name, text } of stage.instructions) {
    if (name === 'COPY') await copy(text, directory, work);
    if (name !== 'RUN') continue;
    const command = USER ? text.replace('node:node', `${USER.uid}:${USER.gid}`) : text;
    const start = performance.now();
    await run('sh', ['-c', USER ? command : command.replace(/ && chown.*/, '')], {
      cwd: work,
      env: { ...process.env, ...env },
    });
    console.log(`${Math.round((performance.now() - start) / 1_000)} s  ${command}`);
  }
  return work;
}

async function copy(text: string, directory: string, work: string): Promise<void> {
  const parts = text.split(' ');
  const [, from] = /^--from=(.*)$/.exec(parts[0] ?? '') ?? [];
  const paths = from === undefined ? parts : parts.slice(1);
  const target = paths.pop() ?? '';
  for (const path of paths) {
    const source =
      from === undefined ? join(ROOT, path) : join(directory, path.replace('/parley', from));
    const isDirectory = target === './' ? basename(path) : target;
    await cp(source, join(work, isDirectory), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (one) => from !== undefined || !NOT_COPIED.has(basename(one)),
    });
  }
}

test('the image: its commands make a gateway that another user starts, with the page and the guide', async () => {
  const directory = await scratch();
  const env = { PATH: `${join(directory, 'bin')}${delimiter}${process.env.PATH}` };
  const stages = await readDockerfile();
  let work = '';
  for (const stage of stages) work = await build(stage, directory, env);
  const { stdout } = await run('du', ['-sh', work, join(work, 'node_modules')]);
  console.log(stdout);
  const installed = await readdir(join(work, 'node_modules'));
  for (const name of ['vite', 'vitest', 'react', 'typescript', 'node']) {
    expect(installed).not.toContain(name);
  }

  if (USER) await chown(join(work, 'data'), USER.uid, USER.gid);
  const port = await freePort();
  const [command = '', ...args] = JSON.parse(only(stages, 'CMD')) as string[];
  const settings = { PARLEY_PORT: `${port}`, NODE_ENV: 'production' };
  const child = spawn(command, args, {
    ...USER,
    cwd: work,
    // Nothing of this environment: an image has only what it says.
    env: { ...env, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of child.stdout) {
    if (String(line).includes('is listening')) break;
  }
  const [, check = ''] = /CMD (\[.*\])$/.exec(only(stages, 'HEALTHCHECK')) ?? [];
  const [program = '', ...parameters] = JSON.parse(check.replace('8080', `${port}`)) as string[];
  await run(program, parameters, { env });
  await expect(
    run(
      program,
      parameters.map((one) => one.replace(`${port}`, '1')),
      { env },
    ),
  ).rejects.toThrow();

  const page = await fetch(`http://127.0.0.1:${port}/`);
  expect(await page.text()).toContain('<script type="module"');
  const socket = await TestSocket.open(`ws://127.0.0.1:${port}/ws`);
  expect((await socket.ask('What is Parley?')).data.content).toContain('real-time layer');
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
}, 900_000);
