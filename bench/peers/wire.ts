/**
 * `ws` with the messages of Parley on the wire, and nothing behind them: a question is parsed and its acknowledgement,
 * its text, its end and the notice of that are written as Parley writes them, all of a tick together. Nothing is
 * checked, kept, numbered by a store, queued, told to others or sent again. It is how far the wire itself lets a server on `ws` come.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createMessage, encode } from '@parley/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { serving } from './work.ts';

const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: false,
  backlog: 4_096,
  handleProtocols: () => 'parley.v1',
});

server.on('connection', (socket, { socket: tcp }) => {
  const session_id = crypto.randomUUID();
  const run_id = crypto.randomUUID();
  let seq = 0;
  let isCorked = false;
  const uncork = () => {
    isCorked = false;
    tcp.uncork();
  };
  socket.on('message', (bytes: Buffer) => {
    const { type, message_id, data } = JSON.parse(String(bytes));
    if (!isCorked) {
      isCorked = true;
      tcp.cork();
      process.nextTick(uncork);
    }
    if (type === 'session_create') {
      socket.send(`{"type":"session_status","session_id":"${session_id}"}`);
      return;
    }
    seq += 2;
    answer(socket, { session_id, reply_to: message_id, run_id }, seq, data.content);
  });
});

function answer(
  socket: WebSocket,
  ids: { readonly session_id: string; readonly reply_to: string; readonly run_id: string },
  seq: number,
  content: string,
): void {
  const said = { role: 'assistant', agent_name: 'echo', content, message_type: 'text' } as const;
  const piece = { agent_name: 'echo', offset: 0, content };
  const run = { ...ids, attempt: 1 };
  const of = { ...run, message_id: ids.run_id };
  const kept = { ...ids, seq: seq - 1 };
  const over = { agent_name: 'echo', status: 'complete' } as const;
  socket.send(encode(createMessage('message_ack', { status: 'accepted' }, kept)));
  socket.send(encode(createMessage('agent_chunk', piece, of)));
  socket.send(
    encode(createMessage('agent_response', { ...said, status: 'complete' }, { ...of, seq })),
  );
  socket.send(encode(createMessage('run_status', over, run)));
}

await once(server, 'listening');
serving((server.address() as AddressInfo).port);
