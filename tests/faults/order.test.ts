import { type ClientMessageInput, SUBPROTOCOL } from '@parley/protocol';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { describe } from './record.ts';
import { Seen } from './seen.ts';

const MESSAGES = 300;
/** Waiting for an answer at once, so that messages and the ends of answers are committed together. */
const AHEAD = 4;

test('[R1][R6] messages and answers that are committed together are told in the order of the log, each once', async () => {
  const { ws } = await startGateway({
    store: 'sqlite:',
    dataDir: await temporaryDirectory(),
    agents: [defineAgent({ name: 'brief', run: () => 'yes' })],
  });
  const seen = new Seen('c', 's');
  const socket = new WebSocket(ws, [SUBPROTOCOL]);
  const finished = Promise.withResolvers<void>();
  const send = (message: ClientMessageInput) => {
    seen.apply({ way: 'out', epoch: 1, message });
    socket.send(JSON.stringify(message));
  };
  const ask = () => {
    const message_id = `m${seen.sent.size + 1}`;
    send({ type: 'chat_message', message_id, data: { content: 'well?' } });
  };
  socket.on('open', () => {
    seen.apply({ way: 'open', epoch: 1 });
    send({ type: 'session_create', session_id: 's', message_id: 'create', data: {} });
  });
  socket.on('message', (bytes) => {
    const message = JSON.parse(String(bytes));
    seen.apply({ way: 'in', epoch: 1, message });
    if (message.reply_to === 'create') for (let n = 0; n < AHEAD; n += 1) ask();
    if (message.type === 'agent_response' && seen.sent.size < MESSAGES) ask();
    if (seen.ends.size === MESSAGES) finished.resolve();
  });
  socket.on('error', finished.reject);
  socket.on('close', () => finished.reject(new Error('The connection ended.')));
  await finished.promise;
  socket.terminate();
  expect(seen.violations.map(describe)).toEqual([]);
  expect(seen.last).toBe(2 * MESSAGES);
});
