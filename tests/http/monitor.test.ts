/** What administrators see and do, on one node. */
import { expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { bearer, connectAs, startGuarded } from '../auth/people.ts';
import { start } from '../cli/parley.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { asking } from './monitor.ts';

const JUST_NOW = expect.toSatisfy(
  (time: string) => Math.abs(Date.now() - Date.parse(time)) < 60_000,
);

test('a node says of itself what it is', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const { nodes } = await asking(http).report();
  expect(nodes).toEqual([
    expect.objectContaining({
      node: expect.any(String),
      address: expect.stringMatching(new RegExp(`:${new URL(http).port}$`)),
      faults: {},
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      role: 'all',
      state: 'serving',
      metrics: expect.objectContaining({ started_at: JUST_NOW }),
      heard_at: JUST_NOW,
    }),
  ]);
});

test('[R8] connections come in pages by id, and are found by their person, address and id', async () => {
  const { http, ws, tokens } = await startGuarded(['root', 'alice', 'bob'], { admins: ['root'] });
  const clients = [
    await connectAs(ws, tokens.alice ?? ''),
    await connectAs(ws, tokens.alice ?? '', { plain: true }),
    await connectAs(ws, tokens.bob ?? ''),
    await TestSocket.open(ws),
  ];
  await clients[0]?.create();
  const { connections } = asking(http, bearer(tokens.root ?? '').headers);
  const all = await connections();
  expect(all).toMatchObject({ total: 4, has_more: false });
  const ids = all.connections.map(({ id }) => id);
  expect(ids).toEqual([...ids].sort());
  const seen = all.connections.map(({ person, profile, sessions }) => ({
    person,
    profile,
    sessions,
  }));
  expect(seen).toHaveLength(4);
  expect(seen).toEqual(
    expect.arrayContaining([
      { person: 'alice', profile: 'parley.v1', sessions: 1 },
      { person: 'alice', profile: 'plain', sessions: 0 },
      { person: 'bob', profile: 'parley.v1', sessions: 0 },
      { person: null, profile: 'parley.v1', sessions: 0 },
    ]),
  );
  expect(all.connections[0]).toMatchObject({ address: '127.0.0.1', since: JUST_NOW });
  expect(all.connections[0]?.bytes_behind).toBe(0);

  const first = await connections({ limit: '3' });
  expect(first).toMatchObject({ total: 4, has_more: true });
  const rest = await connections({ limit: '3', after: ids[2] ?? '' });
  expect(rest).toMatchObject({ has_more: false });
  expect([...first.connections, ...rest.connections].map(({ id }) => id)).toEqual(ids);

  expect(await connections({ match: 'ali' })).toMatchObject({ total: 2 });
  expect(await connections({ match: '127.0.' })).toMatchObject({ total: 4 });
  expect(await connections({ match: ids[1] ?? '' })).toMatchObject({ total: 1 });
  expect(await connections({ match: 'nobody' })).toMatchObject({ total: 0, connections: [] });
  expect(await connections({ limit: '5000' })).toMatchObject({ total: 4 });
});

test('[R12] a node, and a connection, that are not there', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const api = asking(http);
  for (const refusal of [
    await api.refused('GET', '/api/monitor/connections?node=none'),
    await api.refused('POST', '/api/monitor/nodes/none/drain'),
  ]) {
    expect(refusal).toMatchObject({ status: 404, code: 'NODE_NOT_FOUND' });
  }
  const cut = await api.refused('DELETE', '/api/monitor/connections/none');
  expect(cut).toMatchObject({ status: 404, code: 'CONNECTION_NOT_FOUND' });
});

test('[R6][R9] a connection that an administrator cuts is told so, and who did it is in the log', async () => {
  const { logger, lines } = keptLog();
  const options = { admins: ['root'], logger };
  const { http, ws, tokens } = await startGuarded(['root', 'alice'], options);
  const [cut, other] = [
    await connectAs(ws, tokens.alice ?? ''),
    await connectAs(ws, tokens.alice ?? ''),
  ];
  await cut.create();
  const api = asking(http, bearer(tokens.root ?? '').headers);
  const { connections } = await api.connections();
  const id = connections.find(({ sessions }) => sessions === 1)?.id ?? '';
  expect(await api.cut(id)).toMatchObject({ id, status: 'cut' });
  expect(await cut.closed).toMatchObject({ code: 4410 });
  await other.create();
  expect(lines.filter(({ msg }) => msg === 'an administrator cut a connection')).toMatchObject([
    { level: 'info', fields: { connection_id: id, by: 'root' } },
  ]);
  // Twice is one time too many.
  const again = await api.refused('DELETE', `/api/monitor/connections/${id}`);
  expect(again).toMatchObject({ code: 'CONNECTION_NOT_FOUND' });
});

test('who reads the session of others as an administrator is named in the log, and nobody else is', async () => {
  const { logger, lines } = keptLog();
  const options = { admins: ['root'], logger };
  const { http, ws, tokens } = await startGuarded(['root', 'alice'], options);
  const [alice, root] = [
    await connectAs(ws, tokens.alice ?? ''),
    await connectAs(ws, tokens.root ?? ''),
  ];
  const [hers, own] = [await alice.create(), await root.create()];
  const read = (id: string, token = tokens.root ?? '') =>
    fetch(`${http}/api/sessions/${id}/messages`, bearer(token));
  const seen = () =>
    lines.filter(({ msg }) => msg === 'an administrator saw a session').map(({ fields }) => fields);
  await read(own);
  await read(hers, tokens.alice);
  expect(seen()).toEqual([]);
  for (let page = 1; page <= 3; page += 1) expect((await read(hers)).status).toBe(200);
  expect(seen()).toMatchObject([{ session_id: hers, by: 'root' }]);
  await read(await alice.create());
  root.send({ type: 'session_join', session_id: hers });
  const joined = await root.find(
    ({ type, session_id }) => type === 'session_status' && session_id === hers,
  );
  // And knows it by that: it looks like an own one else.
  expect(joined.data).toMatchObject({ you: { id: 'root', access: 'manage', administrator: true } });
  // That was said before, and is not again for each page of two that are read in turn.
  expect(seen()).toHaveLength(2);
  await alice.create();
  for (const id of [hers, own, hers]) await read(id);
  expect(seen()).toHaveLength(2);
});

test('the last node is drained by force alone; then its answers finish, and a program that has it hears of it', async () => {
  const { logger, lines } = keptLog();
  const { agent, next } = puppet();
  const { gateway, http, ws } = await startGateway({ agents: [agent], logger });
  const client = await TestSocket.open(ws);
  client.send({ type: 'chat_message', message_id: 'm', data: { content: 'go' } });
  const run = await next();
  const api = asking(http);
  const [self] = (await api.report()).nodes;
  const drain = `/api/monitor/nodes/${self?.node}/drain`;
  expect(await api.refused('POST', drain)).toMatchObject({ status: 409, code: 'LAST_NODE' });
  expect(lines.some(({ msg }) => /drains/.test(msg))).toBe(false);

  expect(await api.drain(self?.node ?? '', { force: true })).toMatchObject({ status: 'draining' });
  await client.find(({ type, data }) => type === 'system_message' && 'retry_after_ms' in data);
  await run.say('Still here.');
  await run.finish();
  const end = await client.find(({ type }) => type === 'agent_response');
  expect(end).toMatchObject({ data: { content: 'Still here.', status: 'complete' } });
  expect(await client.closed).toMatchObject({ code: 1012 });
  await gateway.closed;
  expect(lines).toContainEqual({
    level: 'info',
    msg: 'an administrator drains this node',
    fields: { node: self?.node, by: 'local' },
  });
});

test('a server that is drained from the monitor ends as by a signal, with status 0', async () => {
  const cwd = await temporaryDirectory();
  const running = start(['serve', '--port', '0', '--store', 'memory:'], { cwd });
  const [, url = ''] = await running.until(/"url":"([^"]+)"/);
  const api = asking(url);
  const [self] = (await api.report()).nodes;
  await api.drain(self?.node ?? '', { force: true });
  expect(await running.ended).toBe(0);
  expect(running.stdout()).toMatch(/an administrator drains this node[\s\S]*stopped/);
});
