import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

/** Stands before a gateway and passes everything on; its sockets can be held back while its pages come. */
export interface FrameProxy {
  /** `http://127.0.0.1:PORT` */
  readonly http: string;
  /** From now on no socket opens, and nobody is told why, until the returned function is called. */
  holdSockets(): () => void;
  /** Ends every socket as a network does, without a word. */
  cut(): void;
}

/** Listens on a free port; closed when the test ends. */
export async function startFrameProxy(target: string): Promise<FrameProxy> {
  const held: (() => void)[] = [];
  let holding = false;
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: ([first]) => first ?? false,
  });

  function join(near: WebSocket, incoming: IncomingMessage): void {
    const { origin = '', host = '' } = incoming.headers;
    const far = new WebSocket(`${target.replace('http', 'ws')}${incoming.url}`, near.protocol, {
      headers: { origin, host },
    });
    const early: string[] = [];
    near.on('message', (data) => {
      if (far.readyState === WebSocket.OPEN) far.send(String(data));
      else early.push(String(data));
    });
    far.on('open', () => {
      for (const frame of early) far.send(frame);
    });
    far.on('message', (data) => near.send(String(data)));
    far.on('error', () => near.terminate());
    far.on('close', (code, reason) => {
      // 1005 and 1006 are said of a close and never in one.
      if (code === 1005 || code === 1006) near.terminate();
      else near.close(code, String(reason));
    });
    near.on('close', () => far.terminate());
  }

  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const forward = request(
      `${target}${url}`,
      { ...(method && { method }), headers },
      (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(outgoing);
      },
    );
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const open = () =>
      sockets.handleUpgrade(incoming, socket, head, (near) => join(near, incoming));
    if (holding) held.push(open);
    else open();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  return {
    http: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    holdSockets() {
      holding = true;
      return () => {
        holding = false;
        for (const open of held.splice(0)) open();
      };
    },
    cut() {
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}
