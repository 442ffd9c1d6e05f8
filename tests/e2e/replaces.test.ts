import { expect, test } from 'vitest';
import { type ChatTurn, defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { startComposed } from '../helpers/composed.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';

/** Answers with what it was told of the conversation before. */
const recall = defineAgent({
  name: 'recall',
  async *run({ history, message }) {
    const turns = await history();
    yield JSON.stringify([...turns.map(({ role, content }) => `${role[0]}:${content}`), message]);
  },
});

const idOf = (text: string) => text.replaceAll(/\W+/g, '-');

async function conversation(store: 'memory:' | 'sqlite:' = 'memory:') {
  const dataDir = await temporaryDirectory();
  const { ws } = await startGateway({ agents: [echoAgent, recall], store, dataDir });
  const client = await TestSocket.open(ws);
  const sessionId = await client.create();
  const ask = (text: string, replaces?: string) =>
    client.ask(text, { message_id: idOf(text), data: replaces ? { replaces } : {} });
  const remembered = async (content: string, replaces?: string) => {
    const data = { agent_name: 'recall', ...(replaces ? { replaces } : {}) };
    return JSON.parse((await client.ask(content, { data })).data.content);
  };
  return { ws, client, sessionId, ask, remembered };
}

test.each(['memory:', 'sqlite:'] as const)(
  "asking again: the log keeps both, the agent's history follows the newer (store %s)",
  async (store) => {
    const { ws, sessionId, ask, remembered } = await conversation(store);
    await ask('one');
    await ask('two');
    await ask('three');
    expect(await remembered('now')).toEqual(
      ['one', 'two', 'three'].flatMap((said) => [`u:${said}`, `a:${said}`]).concat('now'),
    );
    await ask('two, better', 'two');
    expect(await remembered('now')).toEqual([
      'u:one',
      'a:one',
      'u:two, better',
      'a:two, better',
      'now',
    ]);
    // Again the first of them: what stands in its place now is meant.
    expect(await remembered('two, best', 'two')).toEqual(['u:one', 'a:one', 'two, best']);
    const late = await TestSocket.open(ws);
    late.send({ type: 'session_join', session_id: sessionId });
    const { last_seq, history } = (await late.next('session_status')).data;
    expect(last_seq).toBe(14);
    expect(history?.filter(({ replaces }) => replaces === 'two')).toHaveLength(2);
  },
);

test('only an earlier message of a person can be replaced, in this session', async () => {
  const { client, ask } = await conversation();
  const first = await ask('one');
  const other = await TestSocket.open(client.socket.url);
  await other.create();
  await other.ask('elsewhere', { message_id: 'elsewhere' });
  for (const replaces of ['nothing', 'elsewhere', first.message_id ?? '', 'self']) {
    client.send({ type: 'chat_message', message_id: 'self', data: { content: 'x', replaces } });
    expect(await client.find(({ reply_to }) => reply_to === 'self')).toMatchObject({
      type: 'error',
      data: { code: 'INVALID_MESSAGE', message: expect.stringContaining('data.replaces') },
    });
  }
  expect((await ask('two')).seq).toBe(4);
});

test('[R4] what is replaced while it is being answered, or waits, is stopped; what came before is not', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  await client.create();
  const say = (message_id: string, replaces?: string) =>
    client.send({
      type: 'chat_message',
      message_id,
      data: { content: message_id, ...(replaces ? { replaces } : {}) },
    });
  say('m-1');
  say('m-2');
  say('m-3');
  const first = await next();
  await first.say('first');
  // The second one waits; it and the third go.
  say('m-4', 'm-2');
  const ends = await client.collect('agent_response', 2);
  expect(ends.map(({ reply_to, data }) => [reply_to, data.status])).toEqual([
    ['m-2', 'cancelled'],
    ['m-3', 'cancelled'],
  ]);
  expect(first.context.signal.aborted).toBe(false);
  await first.finish();
  const fourth = await next();
  expect(fourth.input.message).toBe('m-4');
  const turns: readonly ChatTurn[] = await fourth.input.history();
  expect(turns).toEqual([
    { role: 'user', content: 'm-1' },
    { role: 'assistant', content: 'first' },
  ]);
  // And now the one that runs, by the message before it.
  await fourth.say('fourth');
  say('m-5', 'm-1');
  await fourth.aborted;
  const fifth = await next();
  expect(fifth.input.message).toBe('m-5');
  expect(await fifth.input.history()).toEqual([]);
  await fifth.finish();
  await client.find(({ reply_to, type }) => type === 'agent_response' && reply_to === 'm-5');
});

test('[R3] a replacement sent again, on another connection too, is acknowledged and starts nothing', async () => {
  const { client, sessionId, ask } = await conversation();
  await ask('one');
  await ask('one again', 'one');
  const other = await TestSocket.open(client.socket.url);
  other.send({
    type: 'chat_message',
    session_id: sessionId,
    message_id: 'one-again',
    data: { content: 'one again', replaces: 'one' },
  });
  const ack = await other.next('message_ack');
  expect(client.received).toContainEqual(ack);
  expect((await ask('next')).seq).toBe(6);
});

test('[R4] an edit of a message that is not shown any more stops nothing that is', async () => {
  const { agent, next } = puppet();
  const { ws } = await startGateway({ agents: [agent] });
  const client = await TestSocket.open(ws);
  await client.create();
  const say = (id: string, replaces?: string) =>
    client.send({
      type: 'chat_message',
      message_id: id,
      data: { content: id, ...(replaces === undefined ? {} : { replaces }) },
    });
  say('m-1');
  say('m-2');
  await next();
  // Two tabs edit at once: what the second one replaces went away with the first one's edit.
  say('m-1b', 'm-1');
  const shown = await next();
  expect(shown.input.message).toBe('m-1b');
  say('m-2b', 'm-2');
  await client.find(({ type, reply_to }) => type === 'message_ack' && reply_to === 'm-2b');
  await client.settled();
  await shown.say('still here');
  void shown.finish();
  const end = await client.find(
    ({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-1b',
  );
  expect(end.data).toMatchObject({ status: 'complete', content: 'still here' });
  void (await next()).finish();
  await client.find(({ type, reply_to }) => type === 'agent_response' && reply_to === 'm-2b');
});

test('[R12] a message that is refused makes no session, and leaves none', async () => {
  const { ws, http } = await startGateway({ agents: [echoAgent] });
  const client = await TestSocket.open(ws);
  client.send({ type: 'chat_message', message_id: 'm-1', data: { content: 'x', replaces: 'no' } });
  expect((await client.next()).data).toMatchObject({ code: 'INVALID_MESSAGE' });
  const { data } = (await (await fetch(`${http}/api/sessions`)).json()) as {
    data: { total: number };
  };
  expect(data.total).toBe(0);

  const plain = await TestSocket.open(ws, { plain: true });
  const stays = await plain.create();
  const elsewhere = await client.create();
  plain.send({
    type: 'chat_message',
    session_id: elsewhere,
    message_id: 'm-2',
    data: { content: 'x', agent_name: 'nobody' },
  });
  await plain.next('error');
  client.send({ type: 'session_join', session_id: stays });
  void client.ask('for those who stayed', { session_id: stays });
  expect((await plain.next('agent_response')).session_id).toBe(stays);
});

test('[R4] [R7] what is asked while it is looked for what a message has superseded is answered', async () => {
  const keptIn = new MemoryStore();
  const questions = keptIn.questions.bind(keptIn);
  const [read, reply] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  keptIn.questions = async (session) => {
    const found = await questions(session);
    read.resolve();
    await reply.promise;
    return found;
  };
  const { agent, next } = puppet();
  const { ws } = await startComposed({ agents: [echoAgent, agent], keptIn });
  const client = await TestSocket.open(ws);
  await client.create();
  await client.ask('one', { message_id: 'one', data: { agent_name: 'echo' } });
  await client.ask('better', { message_id: 'two', data: { agent_name: 'echo', replaces: 'one' } });
  await read.promise;
  client.send({
    type: 'chat_message',
    message_id: 'three',
    data: { content: 'and this', agent_name: 'puppet' },
  });
  const run = await next();
  reply.resolve();
  await run.say('Still here.');
  await run.finish();
  const end = await client.find(
    ({ type, reply_to }) => type === 'agent_response' && reply_to === 'three',
  );
  expect(end.data).toMatchObject({ status: 'complete', content: 'Still here.' });
});
