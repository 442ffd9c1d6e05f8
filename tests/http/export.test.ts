import { request } from 'node:http';
import { encode, type SessionEvent } from '@parley/protocol';
import { expect, test } from 'vitest';
import { defineAgent, echoAgent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { exportJson, exportMarkdown } from '../../packages/gateway/src/sessions/export.ts';
import { SessionPage, type SessionRecord } from '../../packages/gateway/src/stores/store.ts';
import { startGateway } from '../helpers/gateway.ts';
import { ask } from './request.ts';

const agents = [echoAgent, simulatorAgent];

async function exported(http: string, id: string, format: string) {
  const response = await fetch(`${http}/api/sessions/${id}/export?format=${format}`);
  return { headers: response.headers, text: await response.text() };
}

test('as Markdown a session is its visible transcript, tool calls quoted', async () => {
  const searcher = defineAgent({
    name: 'search_er',
    async *run() {
      yield { type: 'tool_call', id: 'c', name: 'look_up', arguments: { of: '`x`' } };
      yield { type: 'tool_result', id: 'c', name: 'look_up', result: ['found'] };
      yield '| a |\n|---|\n';
    },
  });
  const { http } = await startGateway({ agents: [searcher] });
  await ask(`${http}/api/sessions`, { body: { title: 'not this one' } });
  await ask(`${http}/api/chat`, { body: { message: 'What\n# is it?', session_id: 's' } });
  await ask(`${http}/api/sessions/s`, { method: 'PATCH', body: { title: '# [A] *title*' } });

  const { headers, text } = await exported(http, 's', 'markdown');

  expect(headers.get('content-type')).toBe('text/markdown; charset=utf-8');
  expect(text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')).toBe(
    [
      '# \\# \\[A\\] \\*title\\*',
      '',
      '*With search\\_er, since TIME.*',
      '',
      '## local, TIME',
      '',
      'What\n# is it?',
      '',
      '> **look\\_up** ``{"of":"`x`"}``',
      '',
      '> **look\\_up** returned `["found"]`',
      '',
      '## search\\_er, TIME',
      '',
      '| a |\n|---|\n',
      '',
    ].join('\n'),
  );
});

test('[R1] as JSON a session is every event of its log', async () => {
  const { http } = await startGateway({ agents });
  for (let i = 1; i <= 45; i += 1) {
    await ask(`${http}/api/chat`, { body: { message: `m${i}`, session_id: 's' } });
  }
  const { headers, text } = await exported(http, 's', 'json');
  const { session, events } = JSON.parse(text);
  expect(headers.get('content-type')).toBe('application/json');
  expect(session).toMatchObject({
    id: 's',
    title: 'm1',
    agent: 'echo',
    first_seq: 1,
    last_seq: 90,
  });
  expect(events.map(({ seq }: { seq: number }) => seq)).toEqual(
    Array.from({ length: 90 }, (_, index) => index + 1),
  );
  expect(events[89]).toMatchObject({ type: 'agent_response', data: { content: 'm45' } });

  const empty = await ask(`${http}/api/sessions`, { method: 'POST' });
  const nothing = await exported(http, empty.body.data.id, 'json');
  expect(JSON.parse(nothing.text).events).toEqual([]);
});

test('the file name is safe and the title is kept where it can be', async () => {
  const { http } = await startGateway({ agents });
  const cases = [
    ['Plan', 'Plan.md', 'Plan.md'],
    ['../../etc/passwd', 'etc passwd.md', 'etc%20passwd.md'],
    ['a"; filename="evil.exe', 'a ; filename= evil.exe.md', 'a%20%3B%20filename%3D%20evil.exe.md'],
    ['Grüße 👋', 'Gr__e __.md', 'Gr%C3%BC%C3%9Fe%20%F0%9F%91%8B.md'],
    ['line\r\nSet-Cookie: x=1', 'line Set-Cookie x=1.md', 'line%20Set-Cookie%20x%3D1.md'],
    ['...', 'session.md', 'session.md'],
    [`${'x'.repeat(99)}👋`, `${'x'.repeat(99)}_.md`, `${'x'.repeat(99)}%EF%BF%BD.md`],
  ] as const;
  for (const [title, plain, encoded] of cases) {
    const { body } = await ask(`${http}/api/sessions`, { body: { title } });
    const { headers } = await exported(http, body.data.id, 'markdown');
    expect(headers.get('content-disposition'), title).toBe(
      `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
    );
  }
});

/** A log in memory that says how much of it was asked for. */
function log(events: readonly Record<string, unknown>[]) {
  const reads: { after: number; limit: number }[] = [];
  const session: SessionRecord = {
    id: 's',
    owner: 'local',
    title: null,
    agent: 'echo',
    incarnation: 's-1',
    createdAt: 0,
    lastActivity: 0,
    messageCount: events.length,
    firstSeq: 1,
    lastSeq: events.length,
    members: {},
    invitationEpoch: 1,
    version: 1,
  };
  const timestamp = new Date(0).toISOString();
  const all = events.map((event, index) =>
    encode({ session_id: 's', timestamp, ...event, seq: index + 1 } as SessionEvent),
  );
  const read = async (after: number, limit: number): Promise<SessionPage> => {
    reads.push({ after, limit });
    return new SessionPage(session, all.slice(after, after + limit), []);
  };
  return { read, reads };
}

const question = (id: string, replaces?: string) => ({
  type: 'chat_message',
  message_id: id,
  data: { content: id, sender: 'local', ...(replaces ? { replaces } : {}) },
});
const answer = (to: string, status = 'complete') => ({
  type: 'agent_response',
  message_id: `to-${to}`,
  reply_to: to,
  data: { content: `answer to ${to}`, agent_name: 'echo', status },
});

async function shown(events: readonly Record<string, unknown>[]): Promise<string[]> {
  let text = '';
  for await (const piece of exportMarkdown(log(events).read)) text += piece;
  return text.split('\n').filter((line) => /^(answer|[a-z]$|\*[a-z]+\*$)/.test(line));
}

test('[R7] an answer stands under its message; what was superseded is left out', async () => {
  expect(await shown([question('a'), question('b'), answer('a'), answer('b')])).toEqual([
    'a',
    'answer to a',
    'b',
    'answer to b',
  ]);
  // A queued message that was stopped ends before the one that was running.
  const stopped = [question('a'), question('b'), answer('b', 'cancelled'), answer('a')];
  expect(await shown(stopped)).toEqual(['a', 'answer to a', 'b', 'answer to b', '*cancelled*']);
  const replaced = [question('a'), answer('a'), question('b'), question('c', 'a'), answer('c')];
  expect(await shown([...replaced, answer('b')])).toEqual(['c', 'answer to c']);
  // Never answered, and its message no longer kept.
  expect(await shown([answer('z'), question('a'), question('b'), answer('b')])).toEqual([
    'a',
    'b',
    'answer to b',
  ]);
});

test('[R8] an export is read in small pages, and only as far as it is taken', async () => {
  const events = Array.from({ length: 5_000 }, (_, index) =>
    index % 2 === 0 ? question(`q${index}`) : answer(`q${index - 1}`),
  );
  const whole = log(events);
  let pieces = 0;
  for await (const piece of exportJson(whole.read)) pieces += piece === '' ? 0 : 1;
  expect(pieces).toBe(5_002);
  expect(Math.max(...whole.reads.map(({ limit }) => limit))).toBeLessThanOrEqual(20);
  const begun = log(events);
  const export_ = exportJson(begun.read);
  await export_.next();
  await export_.next();
  await export_.return(undefined);
  expect(begun.reads).toHaveLength(2);
});

test('an export that breaks off does not look whole', async () => {
  const { http } = await startGateway({ agents });
  const message = 'x'.repeat(200_000);
  for (let i = 0; i < 60; i += 1) {
    await ask(`${http}/api/chat`, { body: { message, session_id: 's' } });
  }
  const outcome = await new Promise<{ complete: boolean; bytes: number }>((resolve, reject) => {
    request(`${http}/api/sessions/s/export?format=json`, (response) => {
      let bytes = 0;
      response.once('readable', async () => {
        await ask(`${http}/api/sessions/s`, { method: 'DELETE' });
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
      });
      response.on('error', () => {});
      response.on('close', () => resolve({ complete: response.complete, bytes }));
    })
      .on('error', reject)
      .end();
  });
  expect(outcome.complete).toBe(false);
  expect(outcome.bytes).toBeLessThan(60 * 2 * 200_000);
});
