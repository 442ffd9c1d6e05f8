/** `ws` as it is; with `envelope` it parses each message and builds an answer in our envelope. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { envelope, serving, stream } from './work.ts';

const isEnvelope = process.argv[2] === 'envelope';
const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: false,
  backlog: 4_096,
});

server.on('connection', (socket) => {
  socket.on('message', (bytes: Buffer) => {
    if (isEnvelope) {
      const question = JSON.parse(String(bytes));
      const { content } = question.data;
      const piece = (words: string) => envelope(question, 'agent_chunk', words);
      const isStream = stream(
        content,
        (words) => socket.send(piece(words)),
        (words) => {
          for (const each of server.clients) each.send(piece(words));
        },
      );
      if (!isStream) socket.send(envelope(question, 'agent_response', content));
      return;
    }
    const isStream = stream(
      String(bytes),
      (words) => socket.send(words),
      (words) => {
        for (const each of server.clients) each.send(words);
      },
    );
    if (!isStream) socket.send(bytes, { binary: false });
  });
});

await once(server, 'listening');
serving((server.address() as AddressInfo).port);
