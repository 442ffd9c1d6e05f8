import { setFlagsFromString } from 'node:v8';
import { expect, test } from 'vitest';
import { type AgentContext, defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';

const seen: AgentContext[] = [];
const signals: (AbortSignal | undefined)[] = [];

const keeper = defineAgent({
  name: 'keeper',
  run: (_input, context) => {
    seen.push(context);
    signals.push({ ...context }.signal);
    return 'kept';
  },
});

test('[R8] what agents get has the same getter each time: V8 keeps a run for long whose context has its own', async () => {
  const { ws } = await startGateway({ agents: [keeper], agent: 'keeper' });
  const client = await TestSocket.open(ws);
  await client.create();
  for (const id of ['first', 'second', 'third']) {
    client.send({ type: 'chat_message', message_id: id, data: { content: id } });
    await client.next('agent_response');
  }
  setFlagsFromString('--allow-natives-syntax');
  const isFast = new Function('object', 'return %HasFastProperties(object)');
  expect(seen.map((context) => isFast(context))).toEqual([true, true, true]);
  // An agent that hands what it gets on to another one may spread it.
  expect(signals).toEqual([expect.anything(), expect.anything(), expect.anything()]);
  expect(signals.every((signal) => signal instanceof AbortSignal)).toBe(true);
});
