import {
  CLIENT_MESSAGE_TYPES,
  type ClientMessageType,
  decode,
  ERROR_CODES,
  type Profile,
  SERVER_MESSAGE_TYPES,
  SUBPROTOCOL,
} from '@parley/protocol';
import { describe, expect, test } from 'vitest';

const PROFILES: readonly Profile[] = ['plain', SUBPROTOCOL];

/** A message of each type as a client would send it, and one that its schema refuses. */
const EXAMPLES: Record<
  ClientMessageType,
  { good: object; bad: readonly (readonly [object, string])[] }
> = {
  session_create: {
    good: { data: { user_agent: 'WebUI Client' } },
    bad: [
      [{ data: 'text' }, 'data'],
      [{ data: { title: '  ' } }, 'data.title'],
      [{ data: { title: 'x'.repeat(201) } }, 'data.title'],
      [{ data: { agent_name: 'two words' } }, 'data.agent_name'],
    ],
  },
  session_join: {
    good: { session_id: 's-1', data: { after_seq: 3 } },
    bad: [
      [{ data: { after_seq: -1 } }, 'data.after_seq'],
      [{ data: { after_seq: 1.5 } }, 'data.after_seq'],
      [{ data: { after_seq: 2 ** 60 } }, 'data.after_seq'],
      [{ data: { answer: { run_id: 'r' } } }, 'data.answer.attempt'],
      [{ session_id: 'with space', data: {} }, 'session_id'],
      [{ session_id: 'x'.repeat(129), data: {} }, 'session_id'],
    ],
  },
  chat_message: {
    good: { data: { content: 'Hello, agent!', message_type: 'text' } },
    bad: [
      [{}, 'data'],
      [{ data: null }, 'data'],
      [{ data: {} }, 'data.content'],
      [{ data: { content: 7 } }, 'data.content'],
      [{ data: { content: ' \n\t' } }, 'data.content'],
      [{ data: { content: 'x', message_type: 'image' } }, 'data.message_type'],
      [{ message_id: 5, data: { content: 'x' } }, 'message_id'],
      [{ message_id: 'ä', data: { content: 'x' } }, 'message_id'],
      [{ timestamp: 1736416800, data: { content: 'x' } }, 'timestamp'],
      [{ data: { content: 'x', replaces: '' } }, 'data.replaces'],
    ],
  },
  ping: { good: {}, bad: [[{ data: [] }, 'data']] },
  typing: {
    good: { data: { is_typing: false } },
    bad: [[{ data: { is_typing: 'no' } }, 'data.is_typing']],
  },
  session_update: {
    good: { data: { title: 'Renamed' } },
    bad: [
      [{ data: {} }, 'data'],
      [{}, 'data'],
    ],
  },
  session_leave: { good: {}, bad: [[{ data: 1 }, 'data']] },
  run_cancel: {
    good: { data: { run_id: 'r-1' } },
    bad: [[{ data: { run_id: 1 } }, 'data.run_id']],
  },
  approval_response: {
    good: { data: { approval_id: 'a-1', approved: true } },
    bad: [
      [{ data: { approval_id: 'a-1' } }, 'data.approved'],
      [{ data: { approved: true } }, 'data.approval_id'],
      [{ data: { approval_id: 'a', approved: true, reason: 'x'.repeat(2_001) } }, 'data.reason'],
    ],
  },
  auth: { good: { data: { token: 't' } }, bad: [[{ data: { token: '' } }, 'data.token']] },
  sessions_watch: { good: {}, bad: [[{ data: [] }, 'data']] },
};

const types = Object.keys(EXAMPLES) as ClientMessageType[];

function refusal(frame: string, profile: Profile) {
  const decoded = decode(frame, profile);
  if (decoded.ok) throw new Error(`It was taken: ${frame}`);
  return { code: decoded.error.code, message: decoded.error.message, replyTo: decoded.replyTo };
}

describe.each(PROFILES)('message parsing and validation in the profile %s', (profile) => {
  test.each(types)(
    '[R12] %s is taken where the profile has it, refused by name where not',
    (type) => {
      const frame = JSON.stringify({ type, message_id: 'm-1', ...EXAMPLES[type].good });
      if ((CLIENT_MESSAGE_TYPES[profile] as readonly string[]).includes(type)) {
        expect(decode(frame, profile)).toMatchObject({
          ok: true,
          message: { type, message_id: 'm-1' },
        });
      } else {
        const { code, message, replyTo } = refusal(frame, profile);
        expect({ code, replyTo }).toEqual({ code: 'UNKNOWN_MESSAGE_TYPE', replyTo: 'm-1' });
        expect(message).toContain(type);
      }
    },
  );

  const wrong = CLIENT_MESSAGE_TYPES[profile].flatMap((type) =>
    EXAMPLES[type].bad.map(([fields, path]) => [type, path, fields] as const),
  );
  test.each(wrong)(
    '[R12] a wrong %s is refused and the field %s named: %j',
    (type, path, fields) => {
      const { code, message } = refusal(JSON.stringify({ type, ...fields }), profile);
      expect(code).toBe('INVALID_MESSAGE');
      expect(message.startsWith(`${path}: `), message).toBe(true);
    },
  );

  test.each([
    ['', 'INVALID_JSON'],
    ['{', 'INVALID_JSON'],
    ['{"type":"ping"} trailing', 'INVALID_JSON'],
    ["{'type':'ping'}", 'INVALID_JSON'],
    ['null', 'INVALID_MESSAGE'],
    ['7', 'INVALID_MESSAGE'],
    ['"ping"', 'INVALID_MESSAGE'],
    ['[]', 'INVALID_MESSAGE'],
    ['{}', 'INVALID_MESSAGE'],
    ['{"type":7}', 'INVALID_MESSAGE'],
    ['{"type":""}', 'INVALID_MESSAGE'],
    ['{"type":"agent_response","data":{}}', 'UNKNOWN_MESSAGE_TYPE'],
    ['{"type":"__proto__"}', 'UNKNOWN_MESSAGE_TYPE'],
    ['{"type":"constructor"}', 'UNKNOWN_MESSAGE_TYPE'],
    ['{"type":"hasOwnProperty"}', 'UNKNOWN_MESSAGE_TYPE'],
  ] as const)('[R12] %j is refused with %s', (frame, code) => {
    expect(refusal(frame, profile).code).toBe(code);
    expect(Object.hasOwn(ERROR_CODES, code)).toBe(true);
  });

  test('unknown fields are ignored, in the envelope and in data, and do not come through', () => {
    const decoded = decode(
      '{"type":"chat_message","x":1,"seq":9,"data":{"content":"hi","y":{"z":[]}}}',
      profile,
    );
    expect(decoded).toEqual({
      ok: true,
      message: { type: 'chat_message', data: { content: 'hi', message_type: 'text' } },
    });
  });

  test('an empty string for an id means that it is absent, as Go and Java clients send it', () => {
    const decoded = decode(
      '{"type":"chat_message","session_id":"","message_id":"","data":{"content":"hi"}}',
      profile,
    );
    expect(decoded).toEqual({
      ok: true,
      message: { type: 'chat_message', data: { content: 'hi', message_type: 'text' } },
    });
    const join = decode('{"type":"session_join","data":{"session_id":""}}', profile);
    expect(join).toMatchObject({ ok: true, message: { type: 'session_join', data: {} } });
  });

  test.each(['session_create', 'session_join', 'ping', 'typing'] as const)(
    'absent and null data of %s are an empty object',
    (type) => {
      for (const data of ['', ',"data":null', ',"data":{}']) {
        expect(decode(`{"type":"${type}"${data}}`, profile).ok).toBe(true);
      }
    },
  );

  test('__proto__ in a message changes no prototype', () => {
    const frame = '{"type":"ping","__proto__":{"polluted":1},"data":{"__proto__":{"polluted":1}}}';
    const decoded = decode(frame, profile);
    expect(decoded.ok && 'polluted' in decoded.message).toBe(false);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('text with lone surrogates is made well-formed, so that what is kept is what is sent out', () => {
    const decoded = decode('{"type":"chat_message","data":{"content":"a\\ud800b"}}', profile);
    expect(decoded).toMatchObject({ ok: true, message: { data: { content: 'a\ufffdb' } } });
  });

  test('[R12] the message_id of a refused message is named where it could be read', () => {
    expect(refusal('{"type":"nope","message_id":"m-9"}', profile).replyTo).toBe('m-9');
    expect(refusal('{"message_id":"m-9"}', profile).replyTo).toBe('m-9');
    for (const id of ['""', '7', 'null', '{}', `"${'x'.repeat(129)}"`]) {
      expect(refusal(`{"type":"nope","message_id":${id}}`, profile).replyTo).toBeUndefined();
    }
  });
});

test("[R11] the plain profile has exactly the seed's types", () => {
  expect(CLIENT_MESSAGE_TYPES.plain).toEqual([
    'session_create',
    'session_join',
    'chat_message',
    'ping',
    'typing',
  ]);
  expect([...SERVER_MESSAGE_TYPES.plain].sort()).toEqual([
    'agent_progress',
    'agent_response',
    'error',
    'pong',
    'session_status',
    'system_message',
  ]);
});
