import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { ask } from './request.ts';

const agents = [echoAgent, simulatorAgent];

test("[R11] what AgenticGoKit's page asks at its start is answered as its server answers", async () => {
  const { http } = await startGateway({ agents });

  const config = await ask(`${http}/api/config`);
  expect(config.body).toMatchObject({
    status: 'success',
    data: {
      server: { port: new URL(http).port, url: expect.stringMatching(/^http:\/\//) },
      features: { websocket: true, streaming: true, sessions: true, agents: true },
    },
  });
  const listed = await ask(`${http}/api/agents`);
  expect(listed.body).toMatchObject({
    status: 'success',
    data: { total: 2, status: 'integrated', default: 'echo' },
  });
  expect(listed.body.data.available[0]).toEqual({
    name: 'echo',
    description: expect.any(String),
    role: expect.any(String),
    capabilities: expect.any(Array),
    examples: [],
    enabled: true,
  });
  const health = await ask(`${http}/api/health`);
  expect(health.body).toMatchObject({
    status: 'success',
    data: { status: 'healthy', server: 'parley', version: expect.stringMatching(/^\d+\.\d+/) },
  });
  expect(health.body.data.timestamp).toBeCloseTo(Date.now() / 1_000, -1);
  expect(health.headers.get('cache-control')).toBe('no-store');
  expect(health.headers.get('content-type')).toBe('application/json');
});

test("[R11] AgenticGoKit's HTTP chat works: the page makes up the session's id", async () => {
  const { http } = await startGateway({ agents });
  const session_id = 'session_1736416800000_k3j2h1g0f';
  const body = { agent_name: 'echo', message: 'Hello, agent!', session_id };

  const { status, body: answer } = await ask(`${http}/api/chat`, { body });

  expect(status).toBe(200);
  expect(answer).toMatchObject({
    status: 'success',
    data: {
      agent: 'echo',
      message: 'Hello, agent!',
      response: 'Hello, agent!',
      session_id,
      status: 'complete',
    },
  });
  expect(Number.isInteger(answer.data.timestamp)).toBe(true);
  const session = await ask(`${http}/api/sessions/${session_id}`);
  expect(session.body.data).toMatchObject({
    id: session_id,
    title: 'Hello, agent!',
    agent: 'echo',
    active: true,
    message_count: 2,
    first_seq: 1,
    last_seq: 2,
    has_more: false,
    messages: [
      { role: 'user', content: 'Hello, agent!', seq: 1, id: answer.data.reply_to },
      { role: 'assistant', content: 'Hello, agent!', seq: 2, id: answer.data.message_id },
    ],
  });
  const list = await ask(`${http}/api/sessions?offset=0&limit=50`);
  expect(list.body.data).toMatchObject({
    total: 1,
    offset: 0,
    limit: 50,
    sessions: [{ id: session_id, messages: 2, active: true }],
  });
});

test('a session is created without a body, renamed, given another agent, and deleted', async () => {
  const { http } = await startGateway({ agents });
  const created = await ask(`${http}/api/sessions`, { method: 'POST' });
  expect(created.body.data).toEqual({
    id: expect.any(String),
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    status: 'created',
  });
  const url = `${http}/api/sessions/${created.body.data.id}`;

  const patch = { title: '  Plans ', agent_name: 'simulator' };
  const updated = await ask(url, { method: 'PATCH', body: patch });
  expect(updated.body.data).toMatchObject({ title: 'Plans', agent: 'simulator' });
  expect((await ask(url)).body.data).toMatchObject({ title: 'Plans', agent: 'simulator' });

  const deleted = await ask(url, { method: 'DELETE' });
  expect(deleted.body.data).toEqual({ id: created.body.data.id, status: 'deleted' });
  for (const method of ['GET', 'DELETE'])
    expect(await ask(url, { method })).toMatchObject({
      status: 404,
      body: { status: 'error', code: 404, error: { code: 'SESSION_NOT_FOUND', retryable: false } },
    });
});

test('sessions are listed in pages, each behind the one before; a limit above 1,000 means 1,000', async () => {
  const { http } = await startGateway({ agents });
  const ids: string[] = [];
  for (const title of ['one', 'two', 'three']) {
    const { body } = await ask(`${http}/api/sessions`, { body: { title } });
    ids.push(body.data.id);
  }
  const all = await ask(`${http}/api/sessions?limit=5000&offset=`);
  expect(all.body.data).toMatchObject({ total: 3, offset: 0, limit: 1_000, next: null });
  const pages = await Promise.all(
    [0, 1, 2, 3].map((offset) => ask(`${http}/api/sessions?limit=1&offset=${offset}`)),
  );
  const paged = pages.flatMap(({ body }) => body.data.sessions.map(({ id }: { id: string }) => id));
  expect(paged.toSorted()).toEqual(ids.toSorted());
  const behind: string[] = [];
  for (let next: string | null = '999999999999999.0'; next !== null; ) {
    const page = await ask(`${http}/api/sessions?limit=2&after=${next}`);
    behind.push(...page.body.data.sessions.map(({ id }: { id: string }) => id));
    next = page.body.data.next;
  }
  expect(behind).toEqual(paged);
});

test('[R1] the log is read in pages, from the end and from the start, without a hole', async () => {
  const { http } = await startGateway({ agents });
  const session_id = 'paged';
  for (const message of ['a', 'b', 'c']) {
    await ask(`${http}/api/chat`, { body: { message, session_id } });
  }
  const url = `${http}/api/sessions/${session_id}/messages`;
  const seqs = (body: { data: { messages: { seq: number }[] } }) =>
    body.data.messages.map(({ seq }) => seq);

  const newest = await ask(`${url}?limit=4`);
  expect(newest.body.data).toMatchObject({ has_more: true, first_seq: 1, last_seq: 6 });
  expect(seqs(newest.body)).toEqual([3, 4, 5, 6]);
  const before = await ask(`${url}?limit=4&before_seq=3`);
  expect(before.body.data.has_more).toBe(false);
  expect(seqs(before.body)).toEqual([1, 2]);
  const after = await ask(`${url}?limit=4&after_seq=0`);
  expect(after.body.data.has_more).toBe(true);
  expect(seqs(after.body)).toEqual([1, 2, 3, 4]);
  const rest = await ask(`${url}?limit=4&after_seq=4`);
  expect(rest.body.data.has_more).toBe(false);
  expect(seqs(rest.body)).toEqual([5, 6]);
  expect(rest.body.data.messages[0]).toMatchObject({
    type: 'chat_message',
    role: 'user',
    content: 'c',
  });
  expect((await ask(`${url}?after_seq=1&before_seq=3`)).body.message).toContain('before_seq');
});

test('what was said is found again', async () => {
  const { http } = await startGateway({ agents });
  await ask(`${http}/api/chat`, { body: { message: 'Where is the harbour?', session_id: 's' } });
  const { body } = await ask(`${http}/api/search?q=harb&limit=1`);
  expect(body.data.hits).toEqual([
    {
      session_id: 's',
      title: 'Where is the harbour?',
      message_id: expect.any(String),
      seq: 2,
      role: 'assistant',
      timestamp: expect.any(String),
      snippet: expect.stringContaining('harbour'),
    },
  ]);
  expect((await ask(`${http}/api/search?q=lighthouse`)).body.data.hits).toEqual([]);
});

test('[R12] a refusal names the field and what was expected', async () => {
  const { http } = await startGateway({ agents });
  const cases: [string, Parameters<typeof ask>[1], number, string, RegExp][] = [
    ['/api/sessions?limit=many', {}, 400, 'INVALID_MESSAGE', /^limit: .*number/],
    ['/api/sessions?after=soon', {}, 400, 'INVALID_MESSAGE', /^after: /],
    ['/api/sessions?after=1.1&offset=1', {}, 400, 'INVALID_MESSAGE', /^offset: /],
    ['/api/sessions?offset=-1', {}, 400, 'INVALID_MESSAGE', /^offset: .*>=0/],
    ['/api/search', {}, 400, 'INVALID_MESSAGE', /^q: .*string/],
    ['/api/sessions/a%20b', {}, 400, 'INVALID_MESSAGE', /^id: expected/],
    ['/api/sessions/none/export?format=pdf', {}, 400, 'INVALID_MESSAGE', /^format: .*markdown/],
    ['/api/sessions/none/export', {}, 404, 'SESSION_NOT_FOUND', /none/],
    ['/api/sessions/none/messages', {}, 404, 'SESSION_NOT_FOUND', /none/],
    ['/api/sessions', { body: { title: 7 } }, 400, 'INVALID_MESSAGE', /^title: .*string/],
    ['/api/sessions', { body: { agent_name: 'nobody' } }, 404, 'AGENT_NOT_FOUND', /nobody/],
    ['/api/sessions', { body: [] }, 400, 'INVALID_MESSAGE', /object/],
    ['/api/chat', { body: {} }, 400, 'INVALID_MESSAGE', /^message: .*string/],
    ['/api/chat', { body: { message: ' ' } }, 400, 'INVALID_MESSAGE', /^message: .*white space/],
    ['/api/chat', { method: 'POST' }, 400, 'INVALID_MESSAGE', /object/],
    [
      '/api/sessions/x',
      { method: 'PATCH', body: {} },
      400,
      'INVALID_MESSAGE',
      /title or agent_name/,
    ],
    ['/nothing/here', {}, 404, 'NOT_FOUND', /\/nothing\/here/],
    ['/ws', {}, 426, 'UPGRADE_REQUIRED', /ws:\/\//],
  ];
  for (const [path, options, status, code, message] of cases) {
    const answer = await ask(`${http}${path}`, options);
    expect(answer, path).toMatchObject({
      status,
      body: { status: 'error', code: status, error: { code } },
    });
    expect(answer.body.message, path).toMatch(message);
    expect(answer.body.timestamp).toBeCloseTo(Date.now() / 1_000, -1);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
});

test('[R12] a wrong method is told which ones there are; HEAD and OPTIONS work', async () => {
  const { http } = await startGateway({ agents });
  const wrong = await ask(`${http}/api/sessions`, { method: 'PUT', body: {} });
  expect(wrong).toMatchObject({
    status: 405,
    body: { code: 405, error: { code: 'METHOD_NOT_ALLOWED' } },
  });
  expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
  const root = await ask(`${http}/`, { method: 'DELETE' });
  expect([root.status, root.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);

  const head = await ask(`${http}/api/health`, { method: 'HEAD' });
  expect([head.status, head.body]).toEqual([200, undefined]);
  expect(head.headers.get('content-type')).toBe('application/json');
  const gone = await ask(`${http}/api/sessions/none/export`, { method: 'HEAD' });
  expect([gone.status, gone.body]).toEqual([404, undefined]);
  const options = await ask(`${http}/api/chat`, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
});

test('metrics count requests by route and never by what somebody asked for', async () => {
  const { http } = await startGateway({ agents });
  await ask(`${http}/api/sessions/one`);
  await ask(`${http}/api/sessions/two`);
  await ask(`${http}/secret-path`);
  await fetch(`${http}/api/health`, { method: 'PROPFIND' });

  const response = await fetch(`${http}/metrics`);
  const text = await response.text();

  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const requests = text
    .split('\n')
    .filter((line) => line.startsWith('parley_http_requests_total{'));
  expect(requests).toEqual([
    'parley_http_requests_total{method="GET",route="/api/sessions/{id}",status="4xx"} 2',
    'parley_http_requests_total{method="GET",route="none",status="4xx"} 1',
    'parley_http_requests_total{method="other",route="/api/health",status="4xx"} 1',
  ]);
  expect(text).toMatch(/^parley_connections 0$/m);
  expect(text).toMatch(/^parley_runs\{state="running"\} 0$/m);
  expect(text).toMatch(/^parley_sessions 0$/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
});

test('readiness names each part', async () => {
  const { http } = await startGateway({ agents });
  const { status, body } = await ask(`${http}/readyz`);
  expect([status, body.status]).toEqual([200, 'success']);
  const parts = { node: 'ready', store: 'ready', worker: 'ready' };
  expect(body.data).toEqual({ ready: true, parts });
});

test('[R12] a node that drains is not ready, and says so while it still answers', async () => {
  const { agent, next } = puppet();
  const { gateway, ws } = await startGateway({ agents: [agent] });
  // The server of a program that goes on without the gateway.
  const server = createServer((request, response) => gateway.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const readyz = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`;
  const client = await TestSocket.open(ws);
  const session_id = await client.create();
  client.send({ type: 'chat_message', session_id, message_id: 'm', data: { content: 'x' } });
  const run = await next();
  expect((await ask(readyz)).status).toBe(200);

  const drained = gateway.drain();
  expect(await ask(readyz)).toMatchObject({
    status: 503,
    body: {
      message: 'Not ready. node: it is stopping, and takes no new connections',
      data: { ready: false, parts: { store: 'ready', worker: 'ready' } },
    },
  });
  await run.finish();
  await drained;
});
