import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AgentContext,
  type AgentEvent,
  type AgentInput,
  defineAgent,
  echoAgent,
  type Logger,
} from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { expectNoUncaught } from '../helpers/watch-process.ts';

expectNoUncaught();

const never = new Promise<never>(() => {});
const circular: Record<string, unknown> = {};
circular.self = circular;
/** What no type allows, as agents written in plain JavaScript do it. */
const wrong = (event: unknown) => event as AgentEvent;
const call = (args: unknown) => wrong({ type: 'tool_call', id: 't', name: 'n', arguments: args });

async function* says(...events: AgentEvent[]): AsyncGenerator<AgentEvent> {
  yield 'before ';
  yield* events;
  yield 'after';
}

/** Reads what it is given, as a log does that writes it. */
function grumpyLogger(): Logger {
  const write = (fields: unknown) => {
    const { err } = fields as { err?: { message?: unknown; stack?: unknown } };
    void [`${err?.message}`, `${err?.stack}`, err === undefined ? '' : `${err}`];
  };
  const logger: Logger = {
    fatal: write,
    error: write,
    warn: write,
    info: write,
    debug: write,
    trace: write,
    child: () => logger,
  };
  return logger;
}

type Run = (input: AgentInput, context: AgentContext) => unknown;

/** Each ends its run as an error that says what happened, with what was written before. */
const FAULTS: Record<string, Run> = {
  'throws at once': () => {
    throw new Error('boom');
  },
  rejects: async () => {
    throw new Error('boom');
  },
  'throws in mid-answer': async function* () {
    yield 'before ';
    throw new Error('boom');
  },
  'throws undefined': () => {
    throw undefined;
  },
  'throws an object that has no text': () => {
    throw Object.create(null);
  },
  'throws an object whose text throws': () => {
    throw {
      toString() {
        throw new Error('worse');
      },
    };
  },
  'throws an error whose message throws': () => {
    throw Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('worse');
      },
    });
  },
  'throws an error whose message is no text': () => {
    throw Object.assign(new Error('x'), { message: { toString: null } });
  },
  'throws a symbol': () => {
    throw Symbol('boom');
  },
  'throws an error with a torn emoji at the cut': () => {
    throw new Error(`${'x'.repeat(499)}🎉🎉`);
  },
  'returns nothing': () => undefined,
  'returns a number': () => 7,
  'returns an object': () => ({}),
  'says null': () => says(wrong(null)),
  'says undefined': () => says(wrong(undefined)),
  'says a number': () => says(wrong(7)),
  'says an event of no type': () => says(wrong({ text: 'x' })),
  'says an event of an unknown type': () => says(wrong({ type: 'image', url: 'x' })),
  'says text that is none': () => says(wrong({ type: 'text', text: { a: 1 } })),
  'says text that is missing': () => says(wrong({ type: 'text' })),
  'calls a tool with a bigint': () => says(call(1n)),
  'calls a tool with a circle': () => says(call(circular)),
  'calls a tool with a function': () => says(call(() => {})),
  'calls a tool with nothing': () => says(call(undefined)),
  'calls a tool with a toJSON that throws': () =>
    says(
      call({
        toJSON() {
          throw new Error('boom');
        },
      }),
    ),
  'calls a tool without a name': () => says(wrong({ type: 'tool_call', id: 't', arguments: 1 })),
  'calls a tool with an id that is no text': () =>
    says(wrong({ type: 'tool_call', id: 7, name: 'n', arguments: 1 })),
  'returns a result that is none': () =>
    says(wrong({ type: 'tool_result', id: 't', name: 'n', result: 1n })),
  'says that a result is wrong in other words': () =>
    says(wrong({ type: 'tool_result', id: 't', name: 'n', result: 1, isError: 'yes' })),
  'reports no agents': () => says(wrong({ type: 'progress', overallProgress: 0.5 })),
  'reports a progress that is no number': () =>
    says({ type: 'progress', agents: [], overallProgress: Number.NaN }),
  'reports a status that there is not': () =>
    says(
      wrong({
        type: 'progress',
        agents: [{ name: 'a', status: 'done', progress: 1 }],
        overallProgress: 1,
      }),
    ),
  'asks for approval of what is no JSON': async function* (
    _: AgentInput,
    { approve }: AgentContext,
  ) {
    yield 'before ';
    await approve({ tool: 'rm', arguments: wrong(1n) as never });
  },
  'says a wrong event and never comes back from it': () => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ value: 7, done: false }),
      return: () => never,
    }),
  }),
  'throws when it is told to return': () => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ value: 7, done: false }),
      return: async () => {
        throw new Error('worse');
      },
    }),
  }),
  'has a next that throws': () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        throw new Error('boom');
      },
    }),
  }),
  'answers next with nothing': () => ({
    [Symbol.asyncIterator]: () => ({ next: async () => undefined }),
  }),
};

describe.each(['memory:', 'sqlite:'] as const)('store %s', (store) => {
  const disposals: (() => Promise<void>)[] = [];
  let ws = '';

  beforeAll(async () => {
    const atEnd = (dispose: () => Promise<void>) => void disposals.unshift(dispose);
    const faulty = Object.values(FAULTS).map((run, n) =>
      defineAgent({ name: `faulty-${n}`, run: run as () => string }),
    );
    const dataDir = await temporaryDirectory(atEnd);
    const logger = grumpyLogger();
    ({ ws } = await startGateway(
      { agents: [echoAgent, ...faulty], store, dataDir, logger },
      atEnd,
    ));
  });
  afterAll(async () => {
    for (const dispose of disposals) await dispose();
  });

  test.each(Object.keys(FAULTS).map((name, n) => [name, n] as const))(
    '[R9] [R1] an agent that %s fails alone: its run ends as an error, the session goes on',
    async (_, n) => {
      const client = await TestSocket.open(ws);
      const sessionId = await client.create({ agent_name: `faulty-${n}` });
      const witness = await TestSocket.open(ws);
      witness.send({ type: 'session_join', session_id: sessionId });
      await witness.next('session_status');

      const { data, seq } = await client.ask('go');
      expect(data).toMatchObject({
        status: 'error',
        code: 'AGENT_ERROR',
        error: expect.stringMatching(/./),
      });
      expect(['', 'before ']).toContain(data.content);
      expect(data.error?.isWellFormed()).toBe(true);
      const next = await client.ask('still here', { data: { agent_name: 'echo' } });
      expect(next.data).toMatchObject({ status: 'complete', content: 'still here' });
      expect(next.seq).toBe((seq ?? 0) + 2);
      // What was told live is what is kept.
      const late = await TestSocket.open(ws);
      late.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 0 } });
      await late.find((message) => message.seq === next.seq);
      await witness.find((message) => message.seq === next.seq);
      const durable = (socket: TestSocket) => socket.received.filter((m) => m.seq !== undefined);
      expect(durable(late)).toEqual(durable(witness));
    },
  );
});

test('[R7] [R9] what JSON has no word for is told live as it is kept', async () => {
  const odd = defineAgent({
    name: 'odd',
    async *run(_, { approve }) {
      yield call({
        nan: Number.NaN,
        at: new Date(0),
        gone: undefined,
        list: [undefined],
        half: '\ud800',
      });
      yield { type: 'tool_result', id: '\udc00', name: 'n', result: [Number.POSITIVE_INFINITY] };
      yield { type: 'progress', agents: [], overallProgress: 1.000001, currentAgent: '\ud800' };
      void approve({ tool: 'rm\ud800', arguments: new Map() as never }).catch(() => {});
      yield 'half \ud83c';
      yield '\udf89 and \ud83c';
    },
  });
  const dataDir = await temporaryDirectory();
  const { ws } = await startGateway({ agents: [odd], store: 'sqlite:', dataDir });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const witness = await TestSocket.open(ws);
  witness.send({ type: 'session_join', session_id: sessionId });
  await witness.next('session_status');
  const { data, seq } = await client.ask('go');
  expect(data).toMatchObject({ status: 'complete', content: 'half 🎉 and \ufffd' });
  await witness.find((message) => message.seq === seq);
  const late = await TestSocket.open(ws);
  late.send({ type: 'session_join', session_id: sessionId, data: { after_seq: 0 } });
  await late.find((message) => message.seq === seq);
  const durable = (socket: TestSocket) => socket.received.filter((m) => m.seq !== undefined);
  expect(durable(late)).toEqual(durable(witness));
  expect(durable(late)[1]?.data).toMatchObject({
    arguments: { nan: null, at: '1970-01-01T00:00:00.000Z', list: [null] },
  });
});
