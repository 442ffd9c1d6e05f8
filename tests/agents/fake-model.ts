/** A model's server whose every answer a test writes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: {
    readonly model?: string;
    readonly stream?: boolean;
    readonly messages?: readonly { readonly role: string; readonly content: string }[];
  };
}

export type Answer = (response: ServerResponse, request: Received) => void;

/** Listens on a free port of this machine until the test ends. */
export async function fakeServer(
  respond: Answer,
): Promise<{ readonly origin: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await Array.fromAsync<Buffer>(request);
    const body = Buffer.concat(chunks).toString();
    const got = {
      path: request.url ?? '',
      headers: request.headers,
      body: body === '' ? {} : JSON.parse(body),
    };
    received.push(got);
    respond(response, got);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, received };
}

/** An origin where nothing listens. */
export async function deadOrigin(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Begins a stream and sends one event per text, without an end. */
export function say(response: ServerResponse, texts: readonly string[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const content of texts) {
    const choices = [{ index: 0, delta: { role: 'assistant', content }, finish_reason: null }];
    response.write(`data: ${JSON.stringify(chunk(choices))}\n\n`);
  }
}

export function finish(response: ServerResponse, reason = 'stop'): void {
  say(response, []);
  const choices = [{ index: 0, delta: {}, finish_reason: reason }];
  response.end(`data: ${JSON.stringify(chunk(choices))}\n\ndata: [DONE]\n\n`);
}

function chunk(choices: readonly unknown[]): object {
  return { id: 'chat-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices };
}
