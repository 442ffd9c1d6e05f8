import {
  createError,
  createMessage,
  ERROR_CODES,
  type ErrorCode,
  encode,
  ProtocolError,
  SERVER_MESSAGE_TYPES,
  type ServerMessage,
  type ServerMessageOf,
  type ServerMessageType,
  SUBPROTOCOL,
  serverMessageSchema,
} from '@parley/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const time = '2025-01-09T10:00:00.000Z';

/** Valid `data` of every type that a server sends. */
const DATA: { [Type in ServerMessageType]: ServerMessageOf<Type>['data'] } = {
  agent_response: {
    role: 'assistant',
    agent_name: 'ChatAgent',
    content: 'Hello! How can I help you?',
    status: 'complete',
    message_type: 'text',
  },
  agent_progress: {
    agents: [{ name: 'a', status: 'processing', progress: 0.5 }],
    overall_progress: 0.25,
    current_agent: 'a',
  },
  session_status: {
    session_id: 's-1',
    status: 'active',
    title: null,
    agent_name: 'echo',
    message_count: 0,
    created_at: time,
    last_activity: time,
    first_seq: 1,
    last_seq: 0,
    history: [],
    has_more: false,
  },
  pong: {},
  error: { code: 'INVALID_JSON', message: 'No.', retryable: false },
  system_message: { level: 'warning', message: 'Soon.', action: 'reconnect', retry_after_ms: 5 },
  message_ack: { status: 'accepted', cancelled: ['r-1'] },
  chat_message: { role: 'user', content: 'hi', message_type: 'text', sender: 'local' },
  agent_chunk: { agent_name: 'a', offset: 0, content: 'x' },
  run_status: { agent_name: 'a', status: 'queued', position: 2 },
  tool_call: {
    agent_name: 'a',
    tool_call_id: 't',
    tool_name: 'n',
    arguments: [1, null],
    offset: 3,
  },
  tool_result: { agent_name: 'a', tool_call_id: 't', tool_name: 'n', result: {}, is_error: false },
  approval_request: {
    agent_name: 'a',
    approval_id: 'p',
    tool_name: 'n',
    arguments: {},
    offset: 3,
    status: 'pending',
  },
  presence: { participants: [{ id: 'local', connections: 2 }], connections: 2 },
  typing: { sender: 'local', is_typing: true },
};

describe('message creation helpers', () => {
  test('the table has every type of the wire', () => {
    expect(Object.keys(DATA).sort()).toEqual([...SERVER_MESSAGE_TYPES[SUBPROTOCOL]].sort());
  });

  test.each(SERVER_MESSAGE_TYPES[SUBPROTOCOL])(
    '%s is built valid and read back the same',
    (type) => {
      const message = createMessage(type, DATA[type], {
        session_id: 's-1',
        message_id: 'm-1',
        seq: 3,
        reply_to: 'q-1',
        run_id: 'r-1',
        attempt: 1,
      });
      expect(serverMessageSchema.parse(JSON.parse(encode(message)))).toEqual(message);
      expect(new Date(message.timestamp).toISOString()).toBe(message.timestamp);
    },
  );

  test('a timestamp that is given stands, and is now where none is', () => {
    expect(createMessage('pong', {}, { timestamp: time }).timestamp).toBe(time);
    const before = Date.now();
    const made = Date.parse(createMessage('pong', {}).timestamp);
    expect(made).toBeGreaterThanOrEqual(before);
    expect(made).toBeLessThanOrEqual(Date.now());
  });

  test('any text survives encoding, as long as it is well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (content) => {
        const message = createMessage('agent_chunk', { agent_name: 'a', offset: 0, content });
        expect(JSON.parse(Buffer.from(encode(message)).toString())).toEqual(message);
      }),
    );
  });

  test('[R3] what people and agents said is encoded as it is, whatever they said and what else is told of it', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const some = fc.option(text, { nil: undefined });
    const said = fc.record({ content: text, sender: text, agent_name: some, replaces: some });
    const answered = fc.record({ content: text, agent_name: text, error: some, code: some });
    fc.assert(
      fc.property(said, answered, (question, answer) => {
        const { chat_message, agent_response } = DATA;
        for (const made of [
          createMessage('chat_message', { ...chat_message, ...question }),
          createMessage('agent_response', { ...agent_response, ...answer }),
        ]) {
          expect(JSON.parse(encode(made))).toEqual(JSON.parse(JSON.stringify(made)));
        }
      }),
    );
  });

  test('every message is encoded as it is, whatever its ids, and whichever came before it', () => {
    const id = fc.option(fc.stringMatching(/^[\x21-\x7e]{1,4}$/), { nil: undefined });
    const count = fc.option(fc.nat(), { nil: undefined });
    const envelope = fc.record({
      session_id: id,
      message_id: id,
      reply_to: id,
      run_id: id,
      seq: count,
      attempt: count,
    });
    const types = fc.constantFrom(...SERVER_MESSAGE_TYPES[SUBPROTOCOL]);
    fc.assert(
      fc.property(fc.array(fc.tuple(types, envelope), { maxLength: 20 }), (messages) => {
        for (const [type, about] of messages) {
          const made = JSON.parse(JSON.stringify(createMessage(type, DATA[type], about as object)));
          expect(JSON.parse(encode(made))).toEqual(made);
        }
      }),
    );
  });

  test.each(Object.keys(ERROR_CODES) as ErrorCode[])(
    '[R12] the error %s says its code, words, whether to try again, and what applied',
    (code) => {
      const error = new ProtocolError(code, 'Words.', {
        limit: 5,
        retry_after_ms: 7,
        details: 'D',
      });
      const message: ServerMessage = createError(error, { reply_to: 'm-1' });
      expect(serverMessageSchema.parse(message)).toMatchObject({
        type: 'error',
        reply_to: 'm-1',
        data: {
          code,
          message: 'Words.',
          retryable: ERROR_CODES[code].retryable,
          limit: 5,
          retry_after_ms: 7,
          details: 'D',
        },
      });
    },
  );

  test('an error keeps its cause to itself', () => {
    const error = new ProtocolError('INTERNAL_ERROR', 'Words.', { cause: new Error('secret') });
    expect(encode(createError(error))).not.toContain('secret');
    expect((error.cause as Error).message).toBe('secret');
  });
});
