import { ERROR_CODES, type ErrorCode, type ServerMessage } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { type ComposedOptions, startComposed } from '../helpers/composed.ts';
import { diskFull, gated } from '../helpers/gated-store.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';

const produced = new Set<string>();

/** What is said of a refusal, wherever it is said. */
interface Refusal {
  readonly code: string;
  readonly retryable: boolean;
  readonly limit?: number | undefined;
  readonly reply_to?: string | undefined;
}

function noted(refusal: Refusal): Refusal {
  produced.add(refusal.code);
  expect(refusal.retryable).toBe(ERROR_CODES[refusal.code as ErrorCode]?.retryable);
  return refusal;
}

async function connected(options: ComposedOptions = {}) {
  const { ws } = await startComposed({ agents: [echoAgent], ...options });
  return TestSocket.open(ws);
}

/** The answer to one message, which has to be an error that names it. */
async function refused(client: TestSocket, message: Record<string, unknown>): Promise<Refusal> {
  client.send({ message_id: 'refused', ...message });
  const { data, reply_to } = await client.find(({ type }) => type === 'error');
  const error = data as Extract<ServerMessage, { type: 'error' }>['data'];
  expect(error.message).toMatch(/^\S.{10,}/);
  return noted({ ...error, reply_to });
}

const say = (content: string, more = {}) => ({ type: 'chat_message', data: { content, ...more } });

const REFUSALS: Partial<Record<ErrorCode, () => Promise<Refusal>>> = {
  INVALID_MESSAGE: async () => refused(await connected(), say('')),
  UNKNOWN_MESSAGE_TYPE: async () => refused(await connected(), { type: 'no_such_type' }),
  MESSAGE_TOO_LARGE: async () => {
    const refusal = await refused(await connected({ maxMessageBytes: 600 }), say('x'.repeat(700)));
    expect(refusal.limit).toBe(600);
    return refusal;
  },
  MESSAGE_CONFLICT: async () => {
    const client = await connected();
    await client.ask('one', { message_id: 'refused' });
    return refused(client, say('two'));
  },
  RATE_LIMITED: async () => {
    const client = await connected({ messageRate: 1 });
    for (let sent = 0; sent < 10; sent++) client.send({ type: 'ping' });
    const refusal = await refused(client, { type: 'ping' });
    expect(refusal.limit).toBe(1);
    return refusal;
  },
  UNAUTHORIZED: async () => refused(await connected({ authenticate: () => undefined }), say('x')),
  AUTH_UNAVAILABLE: async () => {
    const authenticate = ({ token }: { token?: string }) => {
      if (token !== undefined) throw new Error('a secret of the house');
      return undefined;
    };
    const client = await connected({ authenticate });
    const refusal = await refused(client, { type: 'auth', data: { token: 't' } });
    expect(JSON.stringify(client.received)).not.toContain('secret');
    return refusal;
  },
  NO_SESSION: async () => refused(await connected(), { type: 'session_leave' }),
  SESSION_NOT_FOUND: async () =>
    refused(await connected(), { type: 'session_join', session_id: 'nowhere' }),
  SESSION_LIMIT: async () => {
    const client = await connected({ maxSessionsPerConnection: 1 });
    await client.create();
    const refusal = await refused(client, { type: 'session_create' });
    expect(refusal.limit).toBe(1);
    return refusal;
  },
  AGENT_NOT_FOUND: async () => refused(await connected(), say('x', { agent_name: 'nobody' })),
  RUN_NOT_FOUND: async () => {
    const client = await connected();
    await client.create();
    return refused(client, { type: 'run_cancel', data: { run_id: 'none' } });
  },
  APPROVAL_NOT_FOUND: async () => {
    const client = await connected();
    await client.create();
    const data = { approval_id: 'none', approved: true };
    return refused(client, { type: 'approval_response', data });
  },
  QUEUE_FULL: async () => {
    const { agent, next } = puppet();
    const client = await connected({ agents: [agent], maxQueuedRuns: 1 });
    await client.create();
    client.send({ ...say('one'), message_id: 'm-1' });
    client.send({ ...say('two'), message_id: 'm-2' });
    const refusal = await refused(client, say('three'));
    expect(refusal.limit).toBe(1);
    await (await next()).finish();
    await (await next()).finish();
    return refusal;
  },
  STORE_UNAVAILABLE: async () => {
    const gate = gated(new MemoryStore());
    const client = await connected({ keptIn: gate.store });
    await client.create();
    gate.breakDown(diskFull(), 'appendMessage');
    return refused(client, say('x'));
  },
  INTERNAL_ERROR: async () => {
    const gate = gated(new MemoryStore());
    const client = await connected({ keptIn: gate.store });
    await client.create();
    gate.breakDown(new Error('a secret of the house'), 'appendMessage');
    const refusal = await refused(client, say('x'));
    expect(JSON.stringify(client.received)).not.toContain('secret');
    return refusal;
  },
};

describe('[R12] a refusal names its code, the message, the limit that applied, and whether to try again:', () => {
  test.each(Object.entries(REFUSALS))('%s', async (code, provoke) => {
    const refusal = await provoke();
    expect(refusal).toMatchObject({ code, reply_to: 'refused' });
  });

  test('INVALID_JSON, where no message can be named', async () => {
    const client = await connected();
    client.raw('{');
    const { data, reply_to } = await client.next('error');
    expect(noted({ ...data, reply_to })).toMatchObject({
      code: 'INVALID_JSON',
      reply_to: undefined,
    });
  });

  test.each([
    ['ORIGIN_NOT_ALLOWED', {}, { Origin: 'http://evil.example' }],
    ['CONNECTION_LIMIT', { maxConnections: 1 }, {}],
  ] as const)(
    '%s, before there is a connection, in the body of the HTTP answer',
    async (code, options, headers) => {
      const { ws, port } = await startComposed({ agents: [echoAgent], ...options });
      await TestSocket.open(ws);
      const raw = await RawSocket.open(port, { headers });
      expect(raw.status).toBe(`HTTP/1.1 ${ERROR_CODES[code].status} ${code}`);
      const { error, message } = JSON.parse(raw.body);
      expect(message).toMatch(/^\S.{10,}/);
      expect(noted(error)).toMatchObject({ code });
    },
  );

  test('FORBIDDEN, over HTTP', async () => {
    const { http } = await startGateway({
      agents: [echoAgent],
      authenticate: () => ({ id: 'me' }),
    });
    const response = await fetch(`${http}/metrics`);
    expect(response.status).toBe(403);
    const { error } = (await response.json()) as { error: Refusal };
    expect(noted(error)).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('METHOD_NOT_ALLOWED and UPGRADE_REQUIRED, over HTTP', async () => {
    const { http } = await startGateway({ agents: [echoAgent] });
    const refusalOf = async (path: string, method: string) => {
      const response = await fetch(`${http}${path}`, { method });
      const { error } = (await response.json()) as { error: Refusal };
      return [response.status, noted(error).code];
    };
    expect(await refusalOf('/api/health', 'DELETE')).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(await refusalOf('/ws', 'GET')).toEqual([426, 'UPGRADE_REQUIRED']);
  });

  test('CONNECTION_NOT_FOUND, NODE_NOT_FOUND and LAST_NODE, over HTTP', async () => {
    const { http } = await startGateway({ agents: [echoAgent] });
    const monitor = `${http}/api/monitor`;
    const { data } = (await (await fetch(monitor)).json()) as {
      data: { nodes: { node: string }[] };
    };
    const refusalOf = async (path: string, method: string) => {
      const response = await fetch(`${monitor}${path}`, { method });
      const { error } = (await response.json()) as { error: Refusal };
      return [response.status, noted(error).code];
    };
    expect(await refusalOf('/connections/none', 'DELETE')).toEqual([404, 'CONNECTION_NOT_FOUND']);
    expect(await refusalOf('/connections?node=none', 'GET')).toEqual([404, 'NODE_NOT_FOUND']);
    const drain = `/nodes/${data.nodes[0]?.node}/drain`;
    expect(await refusalOf(drain, 'POST')).toEqual([409, 'LAST_NODE']);
  });

  test('NOT_FOUND, over HTTP', async () => {
    const { http } = await startGateway({ agents: [echoAgent] });
    const response = await fetch(`${http}/api/nothing`);
    expect(response.status).toBe(404);
    const body = (await response.json()) as { status: string; error: Refusal };
    expect(body.status).toBe('error');
    expect(noted(body.error)).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('[R12] a run that did not complete says why:', () => {
  const ended = async (options: ComposedOptions) => {
    const { data } = await (await connected(options)).ask('go');
    produced.add(data.code ?? '');
    expect(data.error).toMatch(/^\S.{10,}/);
    return data;
  };

  test('AGENT_ERROR', async () => {
    const broken = defineAgent({ name: 'broken', run: () => Promise.reject(new Error('boom')) });
    expect(await ended({ agents: [broken] })).toMatchObject({
      status: 'error',
      code: 'AGENT_ERROR',
    });
  });

  test('TIMEOUT', async () => {
    const { agent } = puppet();
    const data = await ended({ agents: [agent], runTimeout: 20 });
    expect(data).toMatchObject({ status: 'error', code: 'TIMEOUT' });
  });

  test('ANSWER_TOO_LARGE', async () => {
    const long = defineAgent({ name: 'long', run: () => 'x'.repeat(100) });
    const data = await ended({ agents: [long], maxAnswerLength: 50 });
    expect(data).toMatchObject({ status: 'error', code: 'ANSWER_TOO_LARGE' });
  });

  test('INTERRUPTED', async () => {
    const { agent, next } = puppet({ onInterrupt: 'fail' });
    const dataDir = await temporaryDirectory();
    const options = { agents: [agent], store: 'sqlite:', dataDir } as const;
    const first = await startGateway(options);
    const client = await TestSocket.open(first.ws);
    const sessionId = await client.create();
    client.send({ ...say('go'), message_id: 'm-1' });
    await next();
    await first.gateway.close();
    const { ws } = await startGateway(options);
    const back = await TestSocket.open(ws);
    back.send({ type: 'session_join', session_id: sessionId });
    const { history } = (await back.next('session_status')).data;
    expect(history?.at(-1)).toMatchObject({ status: 'interrupted', code: 'INTERRUPTED' });
    produced.add('INTERRUPTED');
  });
});

test('[R12] every documented code was produced by the tests above, and no other', () => {
  expect([...produced].sort()).toEqual(Object.keys(ERROR_CODES).sort());
});
