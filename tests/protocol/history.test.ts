import {
  Branch,
  encode,
  encodeData,
  encodeEvent,
  encodeStatus,
  fromHistoryEntry,
  type ServerMessageOf,
  type SessionEvent,
  toHistoryEntry,
} from '@parley/protocol';
import { dataLengthOf, runIdOf, seqOf, toHistoryText, typeOf } from '@parley/protocol/event-text';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** What looks as if it were a part of the text around it. */
const mark = fc.constantFrom(
  ',"data":{',
  '{"type":"chat_message"',
  ',"seq":7,',
  '","run_id":"r-9","',
  ',"message_id":"',
  '}}',
  '\\',
  '\\"',
);
const id = fc.oneof(fc.stringMatching(/^[\x21-\x7e]{1,20}$/), mark);
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), mark);
/** Fields that an event has as well, as arguments of a tool. */
const envelopeLike = fc.constant({
  a: 1,
  session_id: 's-2',
  message_id: 'm-9',
  run_id: 'r-9',
  seq: 7,
  data: { b: 1 },
});
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value))),
  envelopeLike,
);
const optional = { requiredKeys: [] as never[] };

const envelope = fc.record({
  session_id: id,
  message_id: id,
  timestamp: fc.constant('2025-01-09T10:00:00.000Z'),
  seq: fc.integer({ min: 1, max: 2 ** 40 }),
});
const run = fc.record(
  { reply_to: id, run_id: id, attempt: fc.integer({ min: 1, max: 9 }) },
  optional,
);

const kinds = fc.oneof(
  fc.record({
    type: fc.constant('chat_message'),
    data: fc
      .tuple(
        fc.record({ content: text, sender: id }),
        fc.record({ agent_name: id, replaces: id }, optional),
      )
      .map(([must, may]) => ({ role: 'user', message_type: 'text', ...must, ...may })),
  }),
  fc.record({
    type: fc.constant('agent_response'),
    data: fc
      .tuple(
        fc.record({
          agent_name: id,
          content: text,
          status: fc.constantFrom('complete', 'cancelled', 'error', 'interrupted'),
        }),
        fc.record({ error: text, code: id }, optional),
      )
      .map(([must, may]) => ({ role: 'assistant', message_type: 'text', ...must, ...may })),
  }),
  fc.record({
    type: fc.constant('tool_call'),
    data: fc.record({
      agent_name: id,
      tool_call_id: id,
      tool_name: id,
      arguments: json,
      offset: fc.nat(),
    }),
  }),
  fc.record({
    type: fc.constant('tool_result'),
    data: fc.record({
      agent_name: id,
      tool_call_id: id,
      tool_name: id,
      result: json,
      is_error: fc.boolean(),
    }),
  }),
  fc.record({
    type: fc.constant('approval_request'),
    data: fc.record({
      agent_name: id,
      approval_id: id,
      tool_name: id,
      arguments: json,
      status: fc.constantFrom('pending', 'approved', 'denied'),
    }),
  }),
);

const event = fc
  .tuple(envelope, run, kinds)
  .map(([one, two, kind]) => ({ ...one, ...two, ...kind }) as unknown as SessionEvent);

test('[R6] an event and its entry in a history are the same thing in two forms', () => {
  fc.assert(
    fc.property(event, (one) => {
      const entry = JSON.parse(JSON.stringify(toHistoryEntry(one)));
      expect(fromHistoryEntry(one.session_id, entry)).toEqual(one);
    }),
    { numRuns: 2_000 },
  );
});

test('[R6] what has to be known of an event is found in its text, and the text of its entry made of it', () => {
  fc.assert(
    fc.property(event, (one) => {
      const written = encode(one);
      expect(encodeEvent(one, encodeData(one))).toBe(written);
      expect(typeOf(written)).toBe(one.type);
      expect(seqOf(written)).toBe(one.seq);
      expect(runIdOf(written)).toBe(one.run_id);
      expect(dataLengthOf(written)).toBe(encodeData(one).length);
      expect(JSON.parse(toHistoryText(written))).toEqual(
        JSON.parse(JSON.stringify(toHistoryEntry(one))),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('what is not the text of an event is not passed on', () => {
  for (const text of ['', '{}', '{"type":"chat_message","message_id":"m","data":nul}']) {
    expect(() => toHistoryText(text)).toThrow('not the text of an event');
  }
  expect(() => runIdOf('{"type":"agent_response","run_id":"r')).toThrow('not the text of an event');
});

test('[R6] a status with a history as text is what it is with the entries', () => {
  const data = {
    session_id: 's-1',
    status: 'active',
    title: ']}}',
    last_seq: 2,
    you: { id: 'a', access: 'read' },
  };
  const status = {
    type: 'session_status',
    session_id: 's-1',
    timestamp: '2025-01-09T10:00:00.000Z',
    data,
  } as unknown as ServerMessageOf<'session_status'>;
  fc.assert(
    fc.property(fc.array(event, { maxLength: 3 }), (events) => {
      const written = encodeStatus(
        status,
        events.map((one) => toHistoryText(encode(one))),
      );
      const history = events.map(toHistoryEntry);
      expect(JSON.parse(written)).toEqual(
        JSON.parse(JSON.stringify({ ...status, data: { ...data, history } })),
      );
    }),
    { numRuns: 200 },
  );
});

interface Said {
  message_id: string;
  replaces?: string;
}

/** Messages m0, m1 … each of which may replace any earlier one, a later one, itself or a stranger. */
const log = fc
  .array(fc.option(fc.oneof(fc.nat(14), fc.constant(99)), { freq: 2 }), { maxLength: 14 })
  .map((replaced) =>
    replaced.map(
      (other, n): Said => ({
        message_id: `m${n}`,
        ...(other === null ? {} : { replaces: `m${other}` }),
      }),
    ),
  );

const shown = (messages: readonly Said[]) => {
  const branch = new Branch<Said>();
  for (const message of messages) branch.add(message);
  return branch.messages.map(({ message_id }) => message_id);
};

describe('[R7] what a branch shows', () => {
  test('follows the rule: in place of what it replaces, everything after that place is gone', () => {
    const say = (message_id: string, replaces?: string): Said => ({
      message_id,
      ...(replaces === undefined ? {} : { replaces }),
    });
    expect(shown([say('a'), say('b'), say('c')])).toEqual(['a', 'b', 'c']);
    expect(shown([say('a'), say('b'), say('c'), say('d', 'b')])).toEqual(['a', 'd']);
    // Replacing what was replaced means what stands there now.
    expect(shown([say('a'), say('b'), say('c', 'b'), say('d', 'b')])).toEqual(['a', 'd']);
    expect(shown([say('a'), say('b', 'a'), say('c'), say('d', 'a')])).toEqual(['d']);
    // What was superseded with another one has no place, nor has a stranger: they append.
    expect(shown([say('a'), say('b'), say('c', 'a'), say('d', 'b')])).toEqual(['c', 'd']);
    expect(shown([say('a'), say('b', 'gone')])).toEqual(['a', 'b']);
    // A place that is not known (trimmed) is the same for all who replaced it since.
    expect(shown([say('a', 'gone'), say('b'), say('c', 'gone')])).toEqual(['c']);
  });

  test('is in the order of the log, each once, and the newest message always among it', () => {
    fc.assert(
      fc.property(log, (messages) => {
        const ids = shown(messages);
        const places = ids.map((one) => messages.findIndex(({ message_id }) => message_id === one));
        expect(new Set(ids).size).toBe(ids.length);
        expect(places).toEqual([...places].sort((a, b) => a - b));
        expect(ids.at(-1)).toBe(messages.at(-1)?.message_id);
      }),
      { numRuns: 2_000 },
    );
  });

  test('changes by what it returns: added or superseded, nothing comes back by itself', () => {
    fc.assert(
      fc.property(log, (messages) => {
        const branch = new Branch<Said>();
        for (const message of messages) {
          const before = [...branch.messages];
          const superseded = branch.add(message);
          expect(before).toEqual([...branch.messages.slice(0, -1), ...superseded]);
          expect(branch.messages.at(-1)).toBe(message);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('without a replacement is the log itself', () => {
    const messages = Array.from({ length: 50 }, (_, n) => ({ message_id: `m${n}` }));
    expect(shown(messages)).toEqual(messages.map(({ message_id }) => message_id));
  });
});
