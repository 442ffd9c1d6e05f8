import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { blocksIn, readPages } from './pages.ts';
import { Program, projectDirectory, ROOT } from './program.ts';

const pages = await readPages();
/** Whole programs; a block without an import or a socket is an excerpt. */
const programs = pages.flatMap((page) =>
  blocksIn(page, 'ts')
    .filter((code) => /^import |new WebSocket\(/m.test(code))
    .map((code, index) => ({ title: `${page.file}, number ${index + 1}`, code })),
);

async function saved(file: string, code: string): Promise<string> {
  const directory = await projectDirectory();
  await writeFile(`${directory}/${file}`, code);
  return directory;
}

const servers = programs.filter(({ code }) => code.includes('.listen('));
const configs = programs.filter(({ code }) => code.includes('defineConfig'));
const clients = programs.filter(
  (program) => !servers.includes(program) && !configs.includes(program),
);

test('README.md and docs/ have programs of every kind', () => {
  expect([servers.length, configs.length, clients.length].every((count) => count > 0)).toBe(true);
});

test.each(servers)('$title runs as printed, and answers', async ({ code }) => {
  const program = new Program(['program.ts'], await saved('program.ts', code));
  const socket = await TestSocket.open(`ws://127.0.0.1:${await program.port()}/ws`);
  const { data } = await socket.ask('What is Parley?');
  expect(data).toMatchObject({ status: 'complete', content: expect.stringContaining('Parley') });
});

test.each(clients)('$title runs as printed, and prints the answer', async ({ code }) => {
  const { http } = await startGateway({ agent: 'echo' });
  const { port } = new URL(http);
  const program = new Program(['program.ts'], await saved('program.ts', code), { DOCS_PORT: port });
  expect(await program.ended).toBe(0);
  expect(program.output.trim()).toBe('What is Parley?');
});

test.each(configs)('$title is read as printed', async ({ code }) => {
  const directory = await saved('parley.config.ts', code);
  const main = `${ROOT}/packages/gateway/src/main.ts`;
  const shown = new Program([main, 'config'], directory);
  expect(await shown.ended).toBe(0);
  expect(shown.output).toMatch(/^port +9000 +parley.config.ts$/m);
  const served = new Program([main, 'serve', '--port', '0'], directory);
  const socket = await TestSocket.open(`ws://127.0.0.1:${await served.port()}/ws`);
  expect((await socket.ask('Land')).data).toMatchObject({ agent_name: 'parrot', content: 'Land' });
});

test('models are offered where the environment names them', async () => {
  const main = `${ROOT}/packages/gateway/src/main.ts`;
  const program = new Program([main, 'serve', '--port', '0'], await projectDirectory(), {
    PARLEY_MODELS: 'llama3.2,qwen3',
    PARLEY_MODEL_BASE_URL: 'http://127.0.0.1:9/v1',
    PARLEY_AGENT: 'qwen3',
    PARLEY_OLLAMA_URL: '',
  });
  const response = await fetch(`http://127.0.0.1:${await program.port()}/api/agents`);
  expect(await response.json()).toMatchObject({
    data: {
      default: 'qwen3',
      available: expect.arrayContaining([
        expect.objectContaining({ name: 'llama3.2' }),
        expect.objectContaining({ name: 'qwen3' }),
      ]),
    },
  });
});
