/** Bun's own WebSocket server, in our envelope: nearly as fast as the machine can be in JavaScript. Run by Bun. */
import { envelope, serving, stream } from './work.ts';

/** What of Bun is used here; its types would be a dependency of their own. */
interface BunSocket {
  send(text: string): void;
  subscribe(topic: string): void;
}
declare const Bun: {
  gc(isForced: boolean): void;
  serve(options: {
    port: number;
    hostname: string;
    fetch(request: unknown, server: { upgrade(request: unknown): boolean }): Response | undefined;
    websocket: { open(socket: BunSocket): void; message(socket: BunSocket, text: string): void };
  }): { port: number; publish(topic: string, text: string): void };
};

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch(request, { upgrade }) {
    return upgrade.call(server, request) ? undefined : new Response('', { status: 400 });
  },
  websocket: {
    open(socket) {
      socket.subscribe('all');
    },
    message(socket, text) {
      const question = JSON.parse(text);
      const { content } = question.data;
      const piece = (words: string) => envelope(question, 'agent_chunk', words);
      const isStream = stream(
        content,
        (words) => socket.send(piece(words)),
        (words) => server.publish('all', piece(words)),
      );
      if (!isStream) socket.send(envelope(question, 'agent_response', content));
    },
  },
});
serving(server.port, () => Bun.gc(true));
