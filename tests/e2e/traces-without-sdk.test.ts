/** Traces are on, and the program around the gateway has registered nothing that makes spans. */
import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { ask } from '../http/request.ts';

const CALLER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('without an SDK nobody is given a place in a trace that there is not, and a caller’s is passed on', async () => {
  const given: unknown[] = [];
  const { ws, http } = await startGateway({
    traces: 'on',
    agents: [
      {
        name: 'caller',
        run(_, { traceHeaders }) {
          given.push(traceHeaders?.());
          return 'called';
        },
      },
    ],
  });
  const socket = await TestSocket.open(ws);
  for (const trace of [{}, { traceparent: 'junk', tracestate: 'vendor=7' }]) {
    socket.send({ type: 'chat_message', ...trace, data: { content: 'hi' } });
    await socket.next('agent_response');
    await socket.settled();
  }
  const answered = await ask(`${http}/api/chat`, { body: { message: 'hi' } });
  expect(answered.headers.get('traceparent')).toBeNull();
  expect(given).toEqual([{}, {}, {}]);
  expect(JSON.stringify(socket.received)).not.toContain('traceparent');

  const headers = { traceparent: CALLER, tracestate: 'vendor=7' };
  const passed = await ask(`${http}/api/chat`, { body: { message: 'hi' }, headers });
  expect(passed.headers.get('traceparent')).toBe(CALLER);
  expect(given.at(-1)).toEqual(headers);
});
