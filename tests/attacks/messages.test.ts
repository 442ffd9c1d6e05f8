/** Frames as they should be, with JSON in them that is not. */
import { CLIENT_MESSAGE_TYPES, type ClientMessageType, type Profile } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { clientFrame, OPCODE } from '../helpers/raw.ts';
import { GOES_ON, startTarget } from './target.ts';

// So much is taken that depth and length come as far as they can.
const target = startTarget({ maxMessageBytes: 1_000_000, maxPlainMessageBytes: 1_000_000 });

/** What each of these is answered with; the connection goes on. */
async function answersTo(texts: readonly string[], profile: Profile): Promise<unknown[]> {
  const frames = texts.map((text) => clientFrame(OPCODE.text, Buffer.from(text)));
  const { outcome, raw } = await target.attack(
    Buffer.concat(frames),
    profile === 'plain' ? '' : profile,
  );
  expect(outcome).toBe(GOES_ON);
  return raw
    .messages()
    .slice(0, -1)
    .map(({ type, data }) => (type === 'error' ? data.code : type));
}

const nest = (open: string, close: string, depth = 100_000) =>
  `${open.repeat(depth)}${close.repeat(depth)}`;
const ping = (more: string) => `{"type":"ping",${more}}`;
const say = (data: string) => `{"type":"chat_message","data":${data}}`;

const JSON_TEXTS: [what: string, text: string, answer: string][] = [
  ['nothing', '', 'INVALID_JSON'],
  ['white space', ' \n', 'INVALID_JSON'],
  ['NUL', '\0', 'INVALID_JSON'],
  ['NUL after it', `${ping('"x":1')}\0`, 'INVALID_JSON'],
  ['a byte order mark', '\ufeff{"type":"ping"}', 'INVALID_JSON'],
  ['two objects', '{"type":"ping"}{"type":"ping"}', 'INVALID_JSON'],
  ['a comma too many', '{"type":"ping",}', 'INVALID_JSON'],
  ['a comment', '{"type":"ping"/**/}', 'INVALID_JSON'],
  ['single quotes', "{'type':'ping'}", 'INVALID_JSON'],
  ['a line break in a string', '{"type":"pi\nng"}', 'INVALID_JSON'],
  ['NaN', ping('"x":NaN'), 'INVALID_JSON'],
  ['Infinity', ping('"x":-Infinity'), 'INVALID_JSON'],
  ['a hexadecimal number', ping('"x":0x10'), 'INVALID_JSON'],
  ['a leading zero', ping('"x":01'), 'INVALID_JSON'],
  ['half an escape', ping('"x":"\\u12"'), 'INVALID_JSON'],
  ['100,000 brackets, open', '['.repeat(100_000), 'INVALID_JSON'],
  ['100,000 braces, open', '{"a":'.repeat(100_000), 'INVALID_JSON'],
  ['100,000 brackets', nest('[', ']'), 'INVALID_MESSAGE'],
  ['100,000 objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'INVALID_MESSAGE'],
  ['depth as the type', `{"type":${nest('[', ']')}}`, 'INVALID_MESSAGE'],
  ['depth as data', `{"type":"chat_message","data":${nest('[', ']')}}`, 'INVALID_MESSAGE'],
  ['depth as content', say(`{"content":${nest('[', ']')}}`), 'INVALID_MESSAGE'],
  ['depth as an id', ping(`"message_id":${nest('[', ']')}`), 'INVALID_MESSAGE'],
  ['depth where nobody looks', ping(`"x":${nest('[', ']')}`), 'pong'],
  ['100,000 fields', ping(Array.from({ length: 90_000 }, (_, n) => `"${n}":1`).join()), 'pong'],
  ['a number', '1e999', 'INVALID_MESSAGE'],
  ['a text', '"ping"', 'INVALID_MESSAGE'],
  ['null', 'null', 'INVALID_MESSAGE'],
  ['an array', '[{"type":"ping"}]', 'INVALID_MESSAGE'],
  ['no type', '{}', 'INVALID_MESSAGE'],
  ['an empty type', '{"type":""}', 'INVALID_MESSAGE'],
  ['a list of types', '{"type":["ping"]}', 'INVALID_MESSAGE'],
  ['another case', '{"type":"PING"}', 'UNKNOWN_MESSAGE_TYPE'],
  ['a type with a space', '{"type":"ping "}', 'UNKNOWN_MESSAGE_TYPE'],
  ['a type with a NUL', '{"type":"ping\\u0000"}', 'UNKNOWN_MESSAGE_TYPE'],
  ['half a pair as the type', '{"type":"\\ud800"}', 'UNKNOWN_MESSAGE_TYPE'],
  ['a type of 900,000 characters', `{"type":"${'x'.repeat(900_000)}"}`, 'UNKNOWN_MESSAGE_TYPE'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'].map(
    (type): [string, string, string] => [
      `the type ${type}`,
      `{"type":"${type}"}`,
      'UNKNOWN_MESSAGE_TYPE',
    ],
  ),
  ['a type of the server', '{"type":"agent_response","data":{}}', 'UNKNOWN_MESSAGE_TYPE'],
  ['__proto__ in place of the fields', '{"__proto__":{"type":"ping"}}', 'INVALID_MESSAGE'],
  ['__proto__ beside them', ping('"__proto__":{"isAdmin":true,"toString":1}'), 'pong'],
  ['constructor', ping('"constructor":{"prototype":{"isAdmin":true}}'), 'pong'],
  ['__proto__ in data', say('{"__proto__":{"content":"x"}}'), 'INVALID_MESSAGE'],
  ['toJSON and then', ping('"toJSON":1,"then":1,"data":{"toJSON":1,"then":1}'), 'pong'],
  ['a field twice, the last one good', '{"type":"nothing","type":"ping"}', 'pong'],
  ['a field twice, the last one bad', '{"type":"ping","type":"nothing"}', 'UNKNOWN_MESSAGE_TYPE'],
  ['a huge number where nobody looks', ping(`"x":${'9'.repeat(100_000)},"y":1e999`), 'pong'],
  ['an id that is a number', ping('"message_id":1e21'), 'INVALID_MESSAGE'],
  ['an id with NUL', ping('"message_id":"a\\u0000b"'), 'INVALID_MESSAGE'],
  ['an id with a line break', ping('"message_id":"a\\r\\nb"'), 'INVALID_MESSAGE'],
  ['an id of half a pair', ping('"message_id":"\\udc00"'), 'INVALID_MESSAGE'],
  ['an id of 129 characters', ping(`"message_id":"${'x'.repeat(129)}"`), 'INVALID_MESSAGE'],
  [
    'a session of __proto__',
    '{"type":"session_join","session_id":"__proto__"}',
    'SESSION_NOT_FOUND',
  ],
  ['a session of ../..', '{"type":"session_join","session_id":"../../etc"}', 'SESSION_NOT_FOUND'],
  ['an agent of constructor', say('{"content":"x","agent_name":"constructor"}'), 'AGENT_NOT_FOUND'],
  ['white space as content', say('{"content":"\\u00a0\\u2003\\ufeff"}'), 'INVALID_MESSAGE'],
  [
    'after_seq of 1e400',
    '{"type":"session_join","session_id":"s","data":{"after_seq":1e400}}',
    'INVALID_MESSAGE',
  ],
  [
    'after_seq of 2^53',
    '{"type":"session_join","session_id":"s","data":{"after_seq":9007199254740992}}',
    'INVALID_MESSAGE',
  ],
  [
    'after_seq of -0',
    '{"type":"session_join","session_id":"s","data":{"after_seq":-0}}',
    'SESSION_NOT_FOUND',
  ],
];

describe.each<Profile>(['parley.v1', 'plain'])('[R9] [R12] in %s', (profile) => {
  test.each(JSON_TEXTS)('%s', async (_, text, answer) => {
    expect(await answersTo([text], profile)).toEqual([answer]);
  });
});

test('[R9] nothing that was sent has become a property of everything', () => {
  expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('isAdmin');
  expect(({} as Record<string, unknown>).content).toBeUndefined();
});

test.each([
  ['NUL', 'a\\u0000b', 'a\0b'],
  ['half a pair', '\\ud83d', '\ufffd'],
  ['a pair the wrong way round', '\\ude00\\ud83d', '\ufffd\ufffd'],
  ['a byte order mark', '\\ufeffx', '\ufeffx'],
  ['what turns the writing round', '\\u202egnp', '\u202egnp'],
])('[R7] [R9] content with %s is kept, and comes back well-formed', async (_, escaped, content) => {
  const frame = clientFrame(OPCODE.text, Buffer.from(say(`{"content":"${escaped}"}`)));
  const { raw } = await target.attack(frame);
  await raw.until(() => raw.messages().some(({ type }) => type === 'agent_response'));
  const response = raw.messages().find(({ type }) => type === 'agent_response');
  expect(response?.data.content).toBe(content);
});

/** Of each type a message that is right, and of each field the kind that it has. */
const FIELDS: Readonly<
  Record<
    ClientMessageType,
    { readonly [field: string]: 'string' | 'boolean' | 'integer' | 'object' }
  >
> = {
  session_create: { user_agent: 'string', title: 'string', agent_name: 'string' },
  session_join: { session_id: 'string', after_seq: 'integer', answer: 'object' },
  chat_message: {
    content: 'string',
    message_type: 'string',
    agent_name: 'string',
    replaces: 'string',
  },
  ping: {},
  typing: { is_typing: 'boolean' },
  session_update: { title: 'string', agent_name: 'string' },
  session_leave: {},
  run_cancel: { run_id: 'string' },
  approval_response: { approval_id: 'string', approved: 'boolean', reason: 'string' },
  sessions_watch: {},
  auth: { token: 'string' },
};
const ENVELOPE = {
  session_id: 'string',
  message_id: 'string',
  timestamp: 'string',
  data: 'object',
} as const;
const RIGHT: Readonly<Record<string, unknown>> = {
  string: 'text',
  boolean: true,
  integer: 1,
  object: { run_id: 'r', attempt: 1, offset: 0 },
};
const OTHERS: readonly unknown[] = [1.5, -1, 1e300, [], [[]], ['text']];

describe.each(CLIENT_MESSAGE_TYPES['parley.v1'])('[R9] [R12] %s', (type) => {
  const fields = FIELDS[type];
  const right = Object.fromEntries(
    Object.entries(fields).map(([name, kind]) => [
      name,
      name === 'agent_name' ? 'echo' : RIGHT[kind],
    ]),
  );
  const places = [
    ...Object.entries(ENVELOPE).map(([name, kind]) => ({ name, kind, path: name })),
    ...Object.entries(fields).map(([name, kind]) => ({ name, kind, path: `data.${name}` })),
  ];

  test.each(places)('with $path of every other kind is refused by its name', async (place) => {
    const { name, kind, path } = place;
    const values = [
      ...Object.entries(RIGHT).flatMap(([other, value]) => (other === kind ? [] : [value])),
      ...OTHERS,
      // Where data may be left out, null says so.
      ...(path === 'data' ? [] : [null]),
    ];
    const messages = values.map((value) =>
      JSON.stringify(
        path === name
          ? { type, data: right, [name]: value }
          : { type, data: { ...right, [name]: value } },
      ),
    );
    const frames = messages.map((text) => clientFrame(OPCODE.text, Buffer.from(text)));
    const { outcome, raw } = await target.attack(Buffer.concat(frames));
    expect(outcome).toBe(GOES_ON);
    const answers = raw.messages().slice(0, -1);
    expect(answers.map(({ data }) => data.code)).toEqual(values.map(() => 'INVALID_MESSAGE'));
    for (const { data } of answers) expect(data.message).toContain(path);
  });
});
