import { describe, expect, test } from 'vitest';
import {
  type AgentContext,
  type AgentInput,
  defineAgent,
  echoAgent,
} from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { expectNoUncaught } from '../helpers/watch-process.ts';

expectNoUncaught();

const never = new Promise<never>(() => {});

type Run = (input: AgentInput, context: AgentContext) => unknown;

describe('[R9] an agent that is stopped and', () => {
  const STOPPED: Record<string, Run> = {
    'never returns': async function* () {
      yield 'some';
      await never;
    },
    throws: async function* (_: AgentInput, { signal }: AgentContext) {
      yield 'some';
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('stopped badly');
    },
    'goes on for ever': async function* () {
      for (;;) {
        yield 'some';
        await new Promise(setImmediate);
      }
    },
    'goes on for ever without a pause': async function* () {
      for (;;) yield 'some';
    },
    'throws in return': () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          await new Promise(setImmediate);
          return { value: 'some', done: false };
        },
        return: async () => {
          throw new Error('worse');
        },
      }),
    }),
    'never comes back from return': () => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          await new Promise(setImmediate);
          return { value: 'some', done: false };
        },
        return: () => never,
      }),
    }),
    'throws in the listener of its signal': async function* (
      _: AgentInput,
      { signal }: AgentContext,
    ) {
      signal.addEventListener(
        'abort',
        () => void Promise.reject(new Error('unseen')).catch(() => {}),
      );
      yield 'some';
      await never;
    },
    'waits for an approval that it does not catch': async function* (
      _: AgentInput,
      { approve }: AgentContext,
    ) {
      yield 'some';
      await approve({ tool: 'rm', arguments: {} });
    },
  };

  test.each(Object.keys(STOPPED))('%s holds nobody up', async (name) => {
    const stubborn = defineAgent({ name: 'stubborn', run: STOPPED[name] as () => string });
    const { ws } = await startGateway({
      agents: [stubborn, echoAgent],
      maxRuns: 1,
      maxAnswerLength: 200_000_000,
    });
    const client = await TestSocket.open(ws);
    await client.create();
    client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'go' } });
    await client.next('agent_chunk');
    client.send({ type: 'run_cancel', message_id: 'stop' });
    const end = await client.next('agent_response');
    expect(end.data.status).toBe('cancelled');
    await client.find(({ reply_to }) => reply_to === 'stop');
    const next = await client.ask('free again', { data: { agent_name: 'echo' } });
    expect(next.data.content).toBe('free again');
  });
});

test('[R9] an agent that speaks without a pause leaves others their turn', async () => {
  const chatty = defineAgent({
    name: 'chatty',
    run: () => Array.from({ length: 200_000 }, () => 'word '),
  });
  const { ws } = await startGateway({ agents: [chatty, echoAgent], maxAnswerLength: 2_000_000 });
  const busy = await TestSocket.open(ws);
  const other = await TestSocket.open(ws);
  await other.create({ agent_name: 'echo' });
  const answer = busy.ask('go');
  let done = false;
  void answer.then(() => (done = true));
  let turns = 0;
  while (!done) {
    await other.ask(`${turns}`);
    turns += 1;
  }
  expect((await answer).data.content).toHaveLength(1_000_000);
  expect(turns).toBeGreaterThan(5);
});
