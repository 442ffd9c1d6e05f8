/** What is refused before it is parsed is refused by its own id, whatever stands in it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
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
