/** What is refused before it is parsed is refused by its own id, whatever stands in it. */
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { messageIdIn } from '../../packages/gateway/src/connections/inbound/message-id.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { chooseSeed } from '../helpers/seeded.ts';
import { TestSocket } from '../helpers/socket.ts';

const seed = chooseSeed();
const RUNS = 500;

const name = fc.oneof(fc.constant('message_id'), fc.string({ unit: 'binary' }));
const id = fc.oneof(
  fc.string({ minLength: 1, maxLength: 128 }),
  fc.constantFrom('a"b', '\\', '\\"', '"message_id":"no"'),
);
const message = fc.letrec((tie) => ({
  object: fc.dictionary(name, tie('value'), { noNullPrototype: true }),
  value: fc.oneof({ depthSize: 'small' }, id, fc.double(), fc.array(tie('value')), tie('object')),
})).object;

/** As `decode` says it. */
function parsedId(text: string): string | undefined {
  const { message_id: found } = JSON.parse(text);
  const isOne = typeof found === 'string' && found !== '' && found.length <= 128;
  return isOne ? found.toWellFormed() : undefined;
}

test('[R9] it is the one that parsing would find, in any message, however it is spaced', () => {
  fc.assert(
    fc.property(message, fc.nat(3), (value, space) => {
      const text = JSON.stringify(value, undefined, space);
      expect(messageIdIn(text)).toBe(parsedId(text));
    }),
    { seed, numRuns: RUNS },
  );
});

test('[R8] one string is parsed at most, whatever a message is made of', () => {
  const parse = vi.spyOn(JSON, 'parse');
  onTestFinished(() => parse.mockRestore());
  for (const piece of [
    '"\\q"',
    '"\n"',
    '\\',
    '"',
    '{',
    '":"',
    ',"message_id":"x"',
    '"message_id":',
  ]) {
    parse.mockClear();
    messageIdIn(`{"message_id":${piece.repeat(100_000)}`);
    expect([piece, parse.mock.calls.length <= 1]).toEqual([piece, true]);
  }
});

test('of several ids the last one counts, as in JSON', () => {
  for (const [text, id] of [
    ['{"message_id":"a","message_id":"b"}', 'b'],
    ['{"message_id":"a","message_id":5}', undefined],
    ['{"message_id":{"message_id":"a"}}', undefined],
    ['["message_id","a"]', undefined],
  ] as const) {
    expect([text, messageIdIn(text)]).toEqual([text, id]);
  }
});

test('[R9] what is not JSON, or not whole, throws nothing', () => {
  fc.assert(
    fc.property(message, fc.nat(200), fc.string(), (value, at, noise) => {
      const text = JSON.stringify(value);
      messageIdIn(text.slice(0, at));
      messageIdIn(text.slice(0, at) + noise + text.slice(at));
    }),
    { seed, numRuns: RUNS },
  );
});

test('[R8] a message that is too long is refused by its own id', async () => {
  const { ws } = await startGateway({ agents: [echoAgent] });
  const client = await TestSocket.open(ws);
  await client.create();
  for (const message_id of ['mine', 'a"b', '\\']) {
    const data = { message_id: 'another', content: 'x'.repeat(70_000) };
    client.send({ type: 'chat_message', data, message_id });
    const refused = await client.find(({ type }) => type === 'error');
    expect(refused).toMatchObject({ reply_to: message_id, data: { code: 'MESSAGE_TOO_LARGE' } });
  }
});
