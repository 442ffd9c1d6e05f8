/** What happened, put together again from the lines of the log by the ids in them. */
import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

const BY_MESSAGE = ['session_id', 'message_id'];

test('[R12] from the end of a run its lines lead to the message, the connection and the node', async () => {
  const { agent, next } = puppet();
  const { logger, lines } = keptLog();
  const { gateway, ws } = await startGateway({ agents: [agent], logger });
  const line = (msg: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const found = lines.filter(
      (one) =>
        one.msg === msg &&
        Object.entries(fields).every(([name, value]) => one.fields[name] === value),
    );
    expect([msg, found.length]).toEqual([msg, 1]);
    return found[0]?.fields ?? {};
  };
  const clients = [await TestSocket.open(ws), await TestSocket.open(ws)];
  for (const [index, client] of clients.entries()) {
    const session_id = await client.create();
    // The same id in both sessions, as it may be.
    client.send({ type: 'chat_message', session_id, message_id: 'm', data: { content: 'secret' } });
    const run = await next();
    await run.say('answer');
    if (index === 0) await run.finish();
    else await run.fail(new Error('no model'));
    await client.next('agent_response');
  }
  clients[0]?.socket.close();
  await expect.poll(() => lines.at(-1)?.msg).toBe('a connection closed');

  for (const [index, end] of ['complete', 'error'].entries()) {
    const ended = line('a run ended', { end });
    expect(ended).toMatchObject({ agent: 'puppet', attempt: 1, characters: 6 });
    expect(ended.ms).toBeGreaterThanOrEqual(0);
    const { run_id } = ended;
    expect(line('a run began', { run_id })).toMatchObject(pick(ended, BY_MESSAGE));
    const kept = line('a message was kept', { run_id });
    expect(kept).toMatchObject({ ...pick(ended, BY_MESSAGE), seq: 1, person: 'local' });
    const { connection_id } = kept;
    expect(line('a connection opened', { connection_id })).toMatchObject({
      profile: 'parley.v1',
      person: 'local',
    });
    if (index === 0) expect(line('a connection closed', { connection_id }).code).toBe(1005);
    else expect(line('an agent failed', { run_id })).toMatchObject(pick(ended, BY_MESSAGE));
  }
  expect(new Set(lines.map(({ fields }) => fields.node))).toEqual(new Set([gateway.node]));
  // What people and agents say is nobody's who reads the log.
  expect(JSON.stringify(lines)).not.toMatch(/secret|answer"/);
  // Unless it is asked for, there is a line for what went wrong alone.
  const shown = lines.filter(({ level }) => level !== 'debug').map(({ msg }) => msg);
  expect(shown).toEqual(['an agent failed']);
});

test('[R12] the line of a request that said something leads to its message', async () => {
  const { logger, lines } = keptLog();
  const { http } = await startGateway({ agents: [echoAgent], logger });
  const response = await fetch(`${http}/api/chat`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ message: 'hello' }),
  });
  expect(response.status).toBe(200);
  await response.text();
  const of = (msg: string) => lines.find((line) => line.msg === msg)?.fields ?? {};
  expect(of('a request was answered')).toMatchObject({
    route: '/api/chat',
    ...pick(of('a message was kept'), BY_MESSAGE),
  });
  expect(of('a message was kept')).toMatchObject({ message_id: expect.any(String) });
});

function pick(fields: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}
