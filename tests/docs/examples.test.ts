import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { Program, projectDirectory, ROOT } from './program.ts';

async function run(example: string, ...args: string[]): Promise<Program> {
  return new Program([`${ROOT}/examples/${example}`, ...args], await projectDirectory());
}

test('parrot.ts answers', async () => {
  const program = await run('parrot.ts');
  const socket = await TestSocket.open(`ws://127.0.0.1:${await program.port()}/ws`);
  expect((await socket.ask('Land')).data.content).toBe('Land? Land!');
});

test('embed.ts leaves the routes that were there, and ends when it is told', async () => {
  const program = await run('embed.ts');
  const port = await program.port();
  const hello = await fetch(`http://127.0.0.1:${port}/hello`);
  expect(await hello.text()).toContain('was here before');
  const health = await fetch(`http://127.0.0.1:${port}/api/health`);
  expect(await health.json()).toMatchObject({ status: 'success' });
  const socket = await TestSocket.open(`ws://127.0.0.1:${port}/ws`);
  expect((await socket.ask('hello', { data: { agent_name: 'echo' } })).data.content).toBe('hello');
  program.kill('SIGTERM');
  expect((await socket.closed).code).toBe(1012);
  expect(await program.ended).toBe(0);
});

test.each([
  { approved: true, text: 'A berth in Bergen. Berth 7 is yours.', tools: 1 },
  { approved: false, text: 'A berth in Bergen. Then I leave it.', tools: 0 },
])('tools-and-approval.ts asks first (approved: $approved)', async ({ approved, text, tools }) => {
  const program = await run('tools-and-approval.ts');
  const socket = await TestSocket.open(`ws://127.0.0.1:${await program.port()}/ws`);
  socket.send({ type: 'chat_message', message_id: 'm', data: { content: 'a berth in Bergen' } });
  const { data } = await socket.next('approval_request');
  expect(data).toMatchObject({ tool_name: 'book_berth', arguments: { harbour: 'Bergen' } });
  socket.send({ type: 'approval_response', data: { approval_id: data.approval_id, approved } });
  expect((await socket.next('agent_response')).data.content).toBe(text);
  expect(socket.received.filter(({ type }) => type === 'tool_result').length).toBe(tools);
});

test('traces.ts prints the spans of an answer, one in the other', async () => {
  const program = await run('traces.ts');
  const socket = await TestSocket.open(`ws://127.0.0.1:${await program.port()}/ws`);
  expect((await socket.ask('Brest')).data.content).toBe('Let me look. High water is at 6.');
  await program.says(/name: 'invoke_agent tides'/);
  const printed = [...program.output.matchAll(/traceId: '(\w+)'.*?name: '([^']+)'/gs)];
  expect(printed.map(([, , name]) => name)).toEqual([
    'read the table',
    'execute_tool tide_table',
    'invoke_agent tides',
  ]);
  expect(new Set(printed.map(([, traceId]) => traceId)).size).toBe(1);
  program.kill('SIGTERM');
  expect(await program.ended).toBe(0);
});

test('[R11] plain-client.mjs talks to a gateway without knowing it', async () => {
  const { ws } = await startGateway({ agent: 'echo' });
  const program = await run('plain-client.mjs', 'Is anybody there?', ws);
  expect(await program.ended).toBe(0);
  expect(program.output).toMatch(/^In session \S+, with echo\.\nIs anybody there\?\n$/);
});

test('each example says at its head how it is run, with the Node that npm brings', async () => {
  const files = (await readdir(`${ROOT}/examples`)).filter((file) => /\.m?[jt]s$/.test(file));
  for (const file of [...files, 'cluster/start.ts']) {
    const head = (await readFile(`${ROOT}/examples/${file}`, 'utf8')).slice(0, 500);
    expect(head, file).toContain(`npx node examples/${file}`);
  }
});
