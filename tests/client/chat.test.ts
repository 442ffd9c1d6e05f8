import { PassThrough } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { createMessage, type SessionEvent, toHistoryEntry } from '@parley/protocol';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ChatOptions, chat } from '../../packages/gateway/src/cli/chat.ts';
import { ack, answered, chunk, fakeServer, refusal, said, status } from './fake-server.ts';

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

/** `parley chat` with pipes at both ends. */
function start(server: { url: string }, options: Partial<ChatOptions> = {}) {
  const input = new PassThrough();
  const output = new PassThrough();
  const shown = readAll(output);
  const url = server.url.replace('ws:', 'http:');
  const exit = chat({ url, input, output, ...options }).finally(() => output.end());
  return { input, exit, shown };
}

test('each line is a question, and the next one waits for the answer', async () => {
  const server = await fakeServer();
  const { input, exit, shown } = start(server);
  input.end('one\n\ntwo\n');
  const connection = await server.accept();
  const { session_id: id = '' } = await connection.next('session_create');
  connection.send(status(id));
  const one = await connection.next('chat_message');
  connection.send(ack(one, 1));
  await connection.settled();
  expect(connection.unread).toBe(0);
  const replyTo = one.message_id ?? '';
  connection.send(chunk(id, replyTo, 0, 'The fi'));
  connection.send(chunk(id, replyTo, 6, 'rst\x1b[2J answer'));
  connection.send(answered(id, replyTo, 2, 'The first\x1b[2J answer.'));

  const two = await connection.next('chat_message');
  connection.send(ack(two, 3));
  connection.send(answered(id, two.message_id ?? '', 4, 'The second.', 'run-3'));
  expect(await exit).toBe(0);
  expect(await shown).toBe(
    `The first[2J answer.\nThe second.\nCome back with: parley chat --session ${id}\n`,
  );
});

test('[R6] a lost connection is told and resumed in mid-answer', async () => {
  const server = await fakeServer();
  const { input, exit, shown } = start(server);
  input.end('hello\n');
  const first = await server.accept();
  const { session_id: id = '' } = await first.next('session_create');
  first.send(status(id));
  const message = await first.next('chat_message');
  const replyTo = message.message_id ?? '';
  first.send(ack(message, 1));
  first.send(chunk(id, replyTo, 0, 'half '));
  await first.settled();
  first.drop();

  const second = await server.accept();
  const join = await second.next('session_join');
  expect(join.data).toMatchObject({ after_seq: 1, answer: { run_id: 'run-1', offset: 5 } });
  second.send(status(id, { last_seq: 1 }));
  second.send(chunk(id, replyTo, 5, 'whole'));
  second.send(answered(id, replyTo, 2, 'half whole'));
  expect(await exit).toBe(0);
  expect(await shown).toContain('half \nconnection lost, trying again in 1 s…\nresumed\nwhole\n');
});

test('[R12] a server that cannot be reached is named, with what may be wrong', async () => {
  const server = await fakeServer();
  server.refuse();
  const { exit, shown } = start(server);
  expect(await exit).toBe(1);
  const url = server.url.replace('ws:', 'http:');
  expect(await shown).toBe(`What answers at ${url} is no Parley server (HTTP 426).\n`);
});

test('[R12] a refusal is told in its words, with what could be done, and is no success', async () => {
  const server = await fakeServer();
  const { input, exit, shown } = start(server);
  input.end('hello\n');
  const connection = await server.accept();
  const { session_id: id = '' } = await connection.next('session_create');
  connection.send(status(id));
  const message = await connection.next('chat_message');
  const refused = { code: 'AGENT_NOT_FOUND', retryable: false, details: 'Known agents: echo' };
  connection.send(refusal(message, refused));
  expect(await exit).toBe(1);
  // Nothing was said, so there is nothing to come back to.
  expect(await shown).toBe('Not sent: Refused: AGENT_NOT_FOUND.\nKnown agents: echo\n');
});

test('what could not be sent is told on leaving', async () => {
  const server = await fakeServer();
  const controller = new AbortController();
  const { input, exit, shown } = start(server, { signal: controller.signal });
  input.write('are you there\n');
  const connection = await server.accept();
  await connection.next('session_create');
  controller.abort();
  expect(await exit).toBe(0);
  expect(await shown).toBe('“are you there” was not sent.\n');
});

test('a session that is not there ends it', async () => {
  const server = await fakeServer();
  const { exit, shown } = start(server, { session: 'gone' });
  const connection = await server.accept();
  connection.send(
    refusal(await connection.next('session_join'), { code: 'SESSION_NOT_FOUND', retryable: false }),
  );
  expect(await exit).toBe(1);
  expect(await shown).toBe('Refused: SESSION_NOT_FOUND.\n');
});

test('a session that is gone on with is shown, and its running answer followed', async () => {
  const server = await fakeServer();
  const { input, exit, shown } = start(server, { session: 'known' });
  const connection = await server.accept();
  await connection.next('session_join');
  const answer = {
    run_id: 'run-1',
    attempt: 1,
    message_id: 'answer-run-1',
    reply_to: 'message-1',
    agent_name: 'echo',
    offset: 0,
    content: 'so ',
  };
  const history = [toHistoryEntry(said('known', 1, 'hello') as SessionEvent)];
  connection.send(status('known', { title: 'Greetings', last_seq: 1, history, answer }));
  connection.send(answered('known', 'message-1', 2, 'so far'));
  input.end();
  expect(await exit).toBe(0);
  expect(await shown).toBe(
    'Greetings\nsomeone: hello\necho: so far\nCome back with: parley chat --session known\n',
  );
});

test('tools are told; what nobody can allow is denied', async () => {
  const server = await fakeServer();
  const { input, exit, shown } = start(server);
  input.end('hello\n');
  const connection = await server.accept();
  const { session_id: id = '' } = await connection.next('session_create');
  connection.send(status(id));
  const message = await connection.next('chat_message');
  connection.send(ack(message, 1));
  const envelope = { session_id: id, run_id: 'run-1', reply_to: message.message_id };
  connection.send(
    createMessage(
      'tool_call',
      {
        agent_name: 'echo',
        tool_call_id: 'call',
        tool_name: 'search',
        arguments: { query: 'x' },
        offset: 0,
      },
      { ...envelope, message_id: 'call', seq: 2 },
    ),
  );
  connection.send(
    createMessage(
      'approval_request',
      {
        agent_name: 'echo',
        approval_id: 'approval',
        tool_name: 'delete',
        arguments: [],
        offset: 0,
        status: 'pending',
      },
      { ...envelope, message_id: 'approval', seq: 3 },
    ),
  );
  const decision = await connection.next('approval_response');
  expect(decision.data).toEqual({ approval_id: 'approval', approved: false });
  connection.send(answered(id, message.message_id ?? '', 4, 'I may not.'));
  expect(await exit).toBe(0);
  expect(await shown).toContain(
    '· search {"query":"x"}\nThe agent asks to use delete []\n' +
      'Denied: there is nobody here to allow it.\nI may not.\n',
  );
});

test('leaves when it is told to, in mid-answer too', async () => {
  const server = await fakeServer();
  const controller = new AbortController();
  const { input, exit } = start(server, { signal: controller.signal });
  input.write('hello\n');
  const connection = await server.accept();
  await connection.next('session_create');
  controller.abort();
  expect(await exit).toBe(0);
  await connection.closed;
});
