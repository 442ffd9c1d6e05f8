/** Socket.IO over WebSocket alone, with its own defaults else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { serving, stream } from './work.ts';

const http = createServer();
const server = new Server(http, { transports: ['websocket'], serveClient: false });

server.on('connection', (socket) => {
  socket.on('m', (content: string) => {
    const isStream = stream(
      content,
      (words) => socket.emit('m', words),
      (words) => server.emit('m', words),
    );
    if (!isStream) socket.emit('m', content);
  });
});

http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  serving((http.address() as AddressInfo).port),
);
