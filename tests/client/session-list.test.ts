/** The list of sessions, and all that goes over HTTP, at a real gateway. */
import { type Client, RequestError, type SessionListSnapshot } from '@parley/client';
import { createMessage } from '@parley/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { connect, shown } from './conversation.ts';
import { fakeServer } from './fake-server.ts';

afterEach(() => void vi.restoreAllMocks());

const manyTools = defineAgent({
  name: 'many-tools',
  async *run() {
    for (let index = 0; index < 120; index += 1) {
      const tool = { id: `call-${index}`, name: 'look' };
      yield { type: 'tool_call', ...tool, arguments: {} };
      yield { type: 'tool_result', ...tool, result: index };
    }
    yield 'done';
  },
});

/** Resolves as soon as the list is as `until` says. */
function listed(
  { sessions }: Client,
  until: (snapshot: SessionListSnapshot) => boolean,
): Promise<SessionListSnapshot> {
  return new Promise((resolve) => {
    const look = () => {
      if (!until(sessions.snapshot())) return;
      stop();
      resolve(sessions.snapshot());
    };
    const stop = sessions.subscribe(look);
    look();
  });
}

async function gateway() {
  const { http, ws } = await startGateway({ agent: 'echo' });
  return {
    http,
    ws,
    client: () => connect({ url: ws }),
    make: async (title: string): Promise<string> => {
      const response = await fetch(`${http}/api/sessions`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ title }),
      });
      return (await response.json()).data.id;
    },
  };
}

/** As a list has it. */
const wire = (id: string) => ({
  id,
  title: 'of old',
  agent: 'echo',
  created_at: '2026-01-09T10:00:00.000Z',
  last_used: '2026-01-09T10:00:00.000Z',
  last_seq: 0,
  messages: 0,
});

const titles = ({ sessions }: SessionListSnapshot) => sessions.map(({ title }) => title);

describe('[R7] the list of sessions', () => {
  test('is in step with what others make, say, rename and delete', async () => {
    const { client } = await gateway();
    const [mine, other] = [client(), client()];
    expect(mine.sessions.snapshot()).toMatchObject({ status: 'loading', sessions: [], total: 0 });
    await listed(mine, ({ status }) => status === 'ready');
    const first = await other.sessions.create({ title: 'Harbours', agent: 'echo' });
    await listed(mine, ({ total }) => total === 1);
    const second = other.session();
    second.send('Where do ships rest?');
    const told = await listed(mine, ({ sessions }) => sessions[0]?.messageCount === 2);
    expect(told).toMatchObject({
      total: 2,
      hasMore: false,
      sessions: [
        { id: second.id, title: 'Where do ships rest?', agent: 'echo', lastSeq: 2 },
        { id: first.id, title: 'Harbours', messageCount: 0, lastSeq: 0 },
      ],
    });
    await other.sessions.rename(first.id, 'Quays');
    await listed(mine, (snapshot) => titles(snapshot).includes('Quays'));
    await other.sessions.delete(second.id);
    expect(titles(await listed(mine, ({ total }) => total === 1))).toEqual(['Quays']);
    await shown(second, ({ status }) => status === 'deleted');
  });

  test('of many is loaded in pages, without a hole when it moves meanwhile', async () => {
    const { client, make } = await gateway();
    const ids: string[] = [];
    for (let index = 0; index < 230; index += 1) ids.push(await make(`session ${index}`));
    const reader = client();
    const first = await listed(reader, ({ status }) => status === 'ready');
    expect(first).toMatchObject({ total: 230, hasMore: true });
    expect(first.sessions).toHaveLength(100);
    // One that is not loaded yet moves to the top.
    reader.session(ids[3]).send('hello');
    await listed(reader, ({ sessions }) => sessions[0]?.id === ids[3]);
    expect(reader.sessions.snapshot()).toMatchObject({ total: 230, hasMore: true });
    await reader.sessions.loadMore();
    await reader.sessions.loadMore();
    const all = reader.sessions.snapshot();
    expect(all).toMatchObject({ total: 230, hasMore: false });
    expect(new Set(all.sessions.map(({ id }) => id))).toEqual(new Set(ids));
    await reader.sessions.refresh();
    expect(reader.sessions.snapshot()).toEqual(all);
  });

  test('has a new title at once, and the old one again where it is refused', async () => {
    const { client, make } = await gateway();
    const id = await make('Harbours');
    const reader = client();
    await listed(reader, ({ total }) => total === 1);
    const taken = reader.sessions.rename(id, 'Quays');
    expect(titles(reader.sessions.snapshot())).toEqual(['Quays']);
    await taken;
    expect(titles(reader.sessions.snapshot())).toEqual(['Quays']);
    const refused = reader.sessions.rename(id, 'x'.repeat(201));
    expect(titles(reader.sessions.snapshot())).not.toEqual(['Quays']);
    await expect(refused).rejects.toMatchObject({
      name: 'RequestError',
      code: 'INVALID_MESSAGE',
      status: 400,
      retryable: false,
    });
    expect(titles(reader.sessions.snapshot())).toEqual(['Quays']);
  });

  test('lacks at once what is deleted, also what somebody else has deleted already', async () => {
    const { client, make, http } = await gateway();
    const [gone, kept] = [await make('gone'), await make('kept')];
    const reader = client();
    await listed(reader, ({ total }) => total === 2);
    await fetch(`${http}/api/sessions/${gone}`, { method: 'DELETE' });
    const deleted = reader.sessions.delete(gone);
    expect(reader.sessions.snapshot().sessions.map(({ id }) => id)).toEqual([kept]);
    await deleted;
    expect(reader.sessions.snapshot()).toMatchObject({ total: 1, sessions: [{ id: kept }] });
  });

  test('is read again each time that it may have missed something, quietly, and after what was missed', async () => {
    const server = await fakeServer();
    /** What was asked and is not answered. */
    const asked: { method: string; answer: (data: object) => void }[] = [];
    const client = connect({
      url: server.url,
      fetch: (_, { method = '' } = {}) =>
        new Promise((resolve) => {
          const answer = (data: object) => resolve(Response.json({ status: 'success', data }));
          asked.push({ method, answer });
        }),
    });
    const statuses = new Set<string>();
    client.sessions.subscribe(() => statuses.add(client.sessions.snapshot().status));
    const connection = await server.accept();
    const watch = await connection.next('sessions_watch');
    const missed = () =>
      connection.send(
        createMessage('message_ack', { status: 'accepted' }, { reply_to: watch.message_id }),
      );
    const next = async (method: string) => {
      await expect.poll(() => asked.length, { timeout: 5_000 }).toBe(1);
      const one = asked.pop();
      expect(one?.method).toBe(method);
      return (...ids: string[]) => one?.answer({ sessions: ids.map(wire), total: ids.length });
    };
    const shown = () =>
      client.sessions.snapshot().sessions.map(({ id, title }) => `${id} ${title}`);

    missed();
    (await next('GET'))('a', 'b');
    await expect.poll(shown).toEqual(['b of old', 'a of old']);
    statuses.clear();
    void client.sessions.rename('a', 'Quays').catch(() => {});
    await next('PATCH');
    missed();
    const reading = await next('GET');
    // Missed while it is read: what is read may be older.
    missed();
    await connection.settled();
    expect(asked).toEqual([]);
    reading('a', 'b');
    const again = await next('GET');
    again('a', 'c');
    await expect.poll(shown).toEqual(['c of old', 'a Quays']);
    expect([...statuses]).toEqual(['ready']);
    await connection.settled();
    expect(asked).toEqual([]);
  });

  test('says what is wrong where it cannot be loaded, and is loaded when it can', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { ws } = await gateway();
    let down = true;
    const client = connect({
      url: ws,
      fetch: (...call) => (down ? Promise.reject(new TypeError('no network')) : fetch(...call)),
    });
    const failed = await listed(client, ({ status }) => status === 'failed');
    expect(failed.problem?.code).toBe('UNREACHABLE');
    down = false;
    await client.sessions.refresh();
    expect(client.sessions.snapshot().status).toBe('ready');
    expect(client.sessions.snapshot().problem).toBeUndefined();
  });
});

test('[R12] a session with an agent that there is not is refused, and not kept', async () => {
  const { client } = await gateway();
  const reader = client();
  await listed(reader, ({ status }) => status === 'ready');
  const refused = reader.sessions.create({ agent: 'nobody' });
  await expect(refused).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND', retryable: false });
  expect(reader.sessions.snapshot().sessions).toEqual([]);
});

describe('over HTTP', () => {
  test('the agents, what was said somewhere, and where to download it', async () => {
    const { client, http } = await gateway();
    const reader = client();
    const { agents, default: usual } = await reader.agents();
    expect(usual).toBe('echo');
    expect(agents.find(({ name }) => name === 'echo')).toEqual({
      name: 'echo',
      description: expect.any(String),
      role: expect.any(String),
      capabilities: expect.any(Array),
      examples: [],
    });
    const session = reader.session();
    const id = session.send('Where do ships rest?');
    await shown(session, ({ items }) => items.some(({ status }) => status === 'complete'));
    const hits = await reader.sessions.search('ships', { limit: 5 });
    expect(hits).toContainEqual({
      sessionId: session.id,
      title: 'Where do ships rest?',
      messageId: id,
      seq: 1,
      role: 'user',
      timestamp: expect.any(Number),
      snippet: expect.stringContaining('ships'),
    });
    expect(await reader.sessions.search('whales')).toEqual([]);
    const url = reader.sessions.exportUrl(session.id, 'markdown');
    expect(url).toBe(`${http}/api/sessions/${session.id}/export?format=markdown`);
    expect(await (await fetch(url)).text()).toContain('Where do ships rest?');
  });

  test('a search that is given up ends as one', async () => {
    const { client } = await gateway();
    const controller = new AbortController();
    const found = client().sessions.search('ships', { signal: controller.signal });
    controller.abort();
    await expect(found).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('older pages of a session are loaded in front of what is shown', async () => {
    const { client } = await gateway();
    const writer = client();
    const session = writer.session();
    for (let index = 0; index < 120; index += 1) {
      session.send(`question ${index}`);
      await shown(
        session,
        ({ items }) => items.filter((i) => i.status === 'complete').length > index,
      );
    }
    const reader = client().session(session.id);
    const newest = await shown(reader, ({ status }) => status === 'active');
    expect(newest).toMatchObject({ hasMore: true });
    expect(newest.items).toHaveLength(100);
    await Promise.all([reader.loadOlder(), reader.loadOlder()]);
    expect(reader.transcript.snapshot().items).toHaveLength(200);
    await reader.loadOlder();
    await reader.loadOlder();
    const all = reader.transcript.snapshot();
    expect(all.hasMore).toBe(false);
    const other = client().session(session.id);
    await shown(other, ({ status }) => status === 'active');
    const to = all.items[1]?.kind === 'answer' ? all.items[1].messageId : undefined;
    await Promise.all([other.loadOlder({ to: 'nowhere' }), other.loadOlder({ to: to as string })]);
    expect(other.transcript.snapshot().items).toHaveLength(240);
    const told = ({ kind, text, timestamp }: (typeof all.items)[number]) => [kind, text, timestamp];
    expect(all.items.map(told)).toEqual(session.transcript.snapshot().items.map(told));
  });

  test('[R7] an answer of more steps than a page has is shown, and found, with its question', async () => {
    const { ws } = await startGateway({ agents: [manyTools] });
    const writer = connect({ url: ws });
    const session = writer.session();
    for (const [index, question] of ['first', 'second'].entries()) {
      session.send(question);
      await shown(
        session,
        ({ items }) => items.filter((i) => i.status === 'complete').length > index,
      );
    }
    const all = session.transcript.snapshot().items;
    const client = connect({ url: ws });
    const reader = client.session(session.id);
    const newest = await shown(reader, ({ items }) => items.length > 0);
    expect(newest).toMatchObject({ hasMore: true });
    expect(newest.items.map(({ text }) => text)).toEqual(['second', 'done']);
    expect(newest.items[1]).toMatchObject({ steps: { length: 120 } });
    const first = all[1];
    const to = first?.kind === 'answer' ? first.messageId : undefined;
    await reader.loadOlder({ to: to as string });
    const steps = (items: typeof all) =>
      items.map((item) => (item.kind === 'answer' ? item.steps.length : item.text));
    expect(steps(reader.transcript.snapshot().items)).toEqual(['first', 120, 'second', 120]);
  });

  /** A client whose requests are answered as `answers` says, one after the other. */
  function scripted(...answers: (Response | Error)[]) {
    const calls: Request[] = [];
    const client = connect({
      url: 'ws://127.0.0.1:9/base/ws?x',
      token: () => `token ${calls.length}`,
      async fetch(...call) {
        calls.push(new Request(...call));
        const answer = answers.shift();
        if (answer instanceof Response) return answer;
        throw answer;
      },
    });
    return { client, calls };
  }
  const refusal = (status: number, error: object) =>
    Response.json({ status: 'error', message: 'No.', error }, { status });
  const success = (data: object) => Response.json({ status: 'success', data });

  test('what may succeed later is tried again, with a fresh token each time', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { client, calls } = scripted(
      new TypeError('network'),
      refusal(503, { code: 'STORE_UNAVAILABLE', retryable: true, retry_after_ms: 1 }),
      success({ hits: [] }),
    );
    expect(await client.sessions.search('a b')).toEqual([]);
    const { pathname, search } = new URL(calls[0]?.url ?? '');
    expect(pathname + search).toBe('/base/api/search?q=a%20b&limit=20');
    const tokens = calls.map(({ headers }) => headers.get('Authorization'));
    expect(tokens).toEqual(['Bearer token 0', 'Bearer token 1', 'Bearer token 2']);
  });

  test.each([
    [refusal(403, { code: 'ORIGIN_NOT_ALLOWED', retryable: false }), 'ORIGIN_NOT_ALLOWED', 1],
    [
      refusal(429, { code: 'QUEUE_FULL', retryable: true, retry_after_ms: 60_000 }),
      'QUEUE_FULL',
      1,
    ],
    [new Response('<html>', { status: 404 }), 'INTERNAL_ERROR', 1],
  ])('[R12] what cannot is thrown with its code (%#)', async (answer, code, tries) => {
    const { client, calls } = scripted(answer);
    const error = await client.agents().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code, status: answer.status });
    expect(calls).toHaveLength(tries);
  });

  test('a server that cannot be reached is tried three times', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { client, calls } = scripted();
    await expect(client.agents()).rejects.toMatchObject({ code: 'UNREACHABLE', status: 0 });
    expect(calls).toHaveLength(3);
  });
});
