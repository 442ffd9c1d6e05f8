import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createGateway, echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { ask } from './request.ts';

test('without a session a new one is made, with the agent that was asked', async () => {
  const { http } = await startGateway({ agents: [echoAgent, simulatorAgent] });
  for (const session_id of [undefined, '', null]) {
    const body = { message: 'tokens=2', agent_name: 'simulator', session_id };
    const { data } = (await ask(`${http}/api/chat`, { body })).body;
    expect(data).toMatchObject({ agent: 'simulator', response: 't1 t2 ', status: 'complete' });
    const session = await ask(`${http}/api/sessions/${data.session_id}`);
    expect(session.body.data.agent).toBe('simulator');
  }
  expect((await ask(`${http}/api/sessions`)).body.data.total).toBe(3);
});

test('an unknown agent is refused, and no session stays behind', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const body = { message: 'hi', agent_name: 'nobody', session_id: 'new' };
  expect(await ask(`${http}/api/chat`, { body })).toMatchObject({
    status: 404,
    body: { error: { code: 'AGENT_NOT_FOUND', details: expect.stringContaining('echo') } },
  });
  expect((await ask(`${http}/api/sessions`)).body.data.total).toBe(0);
});

test('[R4] leaving a request does not stop the run', async () => {
  const actor = puppet();
  const { http } = await startGateway({ agents: [actor.agent] });
  const leaving = new AbortController();
  const request = fetch(`${http}/api/chat`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ message: 'take your time', session_id: 's' }),
    signal: leaving.signal,
  });
  const run = await actor.next();
  await run.say('half ');
  leaving.abort();
  await expect(request).rejects.toThrow();
  expect(run.context.signal.aborted).toBe(false);

  await run.say('and half');
  await run.finish();

  await expect
    .poll(async () => (await ask(`${http}/api/sessions/s`)).body.data.messages[1])
    .toMatchObject({ role: 'assistant', content: 'half and half', status: 'complete' });
  await expect
    .poll(async () => (await fetch(`${http}/metrics`)).text())
    .toMatch(/^parley_sessions 0$/m);
});

test('[R12] an agent that fails is a 502 with its code and what it wrote before', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent] });
  const body = { message: 'tokens=10 fail_at=3', session_id: 's' };
  const answer = await ask(`${http}/api/chat`, { body });
  expect(answer).toMatchObject({
    status: 502,
    body: {
      status: 'error',
      code: 502,
      error: { code: 'AGENT_ERROR', retryable: true },
      data: { response: 't1 t2 ', status: 'error', session_id: 's', agent: 'simulator' },
    },
  });
  expect(JSON.stringify(answer.body)).not.toMatch(/ {4}at |node:/);
});

test('[R12] an agent that takes too long is a 504', async () => {
  const { http } = await startGateway({ agents: [simulatorAgent], runTimeout: 100 });
  const answer = await ask(`${http}/api/chat`, { body: { message: 'tokens=1000 rate=10' } });
  expect(answer).toMatchObject({
    status: 504,
    body: { error: { code: 'TIMEOUT' }, data: { response: expect.stringMatching(/^t1 /) } },
  });
});

test('a deletion of the session ends the wait', async () => {
  const actor = puppet();
  const { http } = await startGateway({ agents: [actor.agent] });
  const waiting = ask(`${http}/api/chat`, { body: { message: 'hi', session_id: 's' } });
  await actor.next();
  await ask(`${http}/api/sessions/s`, { method: 'DELETE' });
  expect(await waiting).toMatchObject({
    status: 404,
    body: { error: { code: 'SESSION_NOT_FOUND' } },
  });
});

test('[R3] the same message_id with another body is refused', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const body = { message: 'one', session_id: 's', message_id: 'm-1' };
  expect((await ask(`${http}/api/chat`, { body })).body.data.reply_to).toBe('m-1');
  const other = await ask(`${http}/api/chat`, { body: { ...body, message: 'two' } });
  expect(other).toMatchObject({ status: 409, body: { error: { code: 'MESSAGE_CONFLICT' } } });
});

test('[R3] a message sent twice at once starts one run and gets one answer twice', async () => {
  const actor = puppet();
  const { http } = await startGateway({ agents: [actor.agent] });
  const body = { message: 'hi', session_id: 's', message_id: 'm-1' };
  const answers = Promise.all([
    ask(`${http}/api/chat`, { body }),
    ask(`${http}/api/chat`, { body }),
  ]);
  const run = await actor.next();
  await expect.poll(async () => (await ask(`${http}/api/sessions/s`)).body.data.last_seq).toBe(1);
  await run.say('once');
  await run.finish();
  const [first, second] = await answers;
  expect(first.body.data.response).toBe('once');
  expect(second.body.data).toEqual(first.body.data);
  expect(actor.calls).toBe(1);
});

test('[R3] a message sent again after its answer gets that answer', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const body = { message: 'once', session_id: 's', message_id: 'm-1' };
  const first = await ask(`${http}/api/chat`, { body });
  const again = await ask(`${http}/api/chat`, { body });
  expect(again.body.data).toEqual(first.body.data);
  expect((await ask(`${http}/api/sessions/s`)).body.data.last_seq).toBe(2);
});

test('[R3] [R12] an answer that is no longer kept is not waited for', async () => {
  const { http, ws } = await startGateway({
    agents: [echoAgent],
    maxEvents: 2,
    cleanupInterval: 50,
  });
  const first = { message: 'one', session_id: 's', message_id: 'm-1' };
  await ask(`${http}/api/chat`, { body: first });
  await ask(`${http}/api/chat`, { body: { message: 'two', session_id: 's' } });
  const watcher = await TestSocket.open(ws);
  watcher.send({ type: 'session_join', session_id: 's' });
  await watcher.find(({ type, data }) => type === 'session_status' && data.first_seq === 3);
  expect(await ask(`${http}/api/chat`, { body: first })).toMatchObject({
    status: 404,
    body: { error: { code: 'RUN_NOT_FOUND' } },
  });
});

test("[R12] what is asked of a gateway that closes is refused, on the user's own server too", async () => {
  const gateway = await createGateway({
    agents: [echoAgent],
    store: 'memory:',
    logLevel: 'silent',
  });
  const server = createServer(gateway.handle);
  gateway.attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const http = `http://127.0.0.1:${port}`;
  expect((await ask(`${http}/api/config`)).body.data.server).toMatchObject({ port: `${port}` });
  // A peer that does not answer the close keeps the gateway closing.
  const silent = await TestSocket.open(`ws://127.0.0.1:${port}/ws`);
  silent.socket.pause();
  const closing = gateway.close();
  const answer = await ask(`${http}/api/chat`, { body: { message: 'hi' } });
  expect(answer.status).toBeGreaterThanOrEqual(500);
  await closing;
});
