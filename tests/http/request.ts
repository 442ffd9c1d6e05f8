import { once } from 'node:events';
import { connect } from 'node:net';

/** An answer of the API, its body parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects where it reads it
  readonly body: any;
}

/** Asks as a page of AgenticGoKit does; a `body` is sent as JSON. */
export async function ask(
  url: string,
  options: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { body, method = body === undefined ? 'GET' : 'POST', headers } = options;
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** Writes the bytes as they are and returns everything that comes till the server closes. */
export async function exchange(port: number, ...pieces: (string | Buffer)[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'connect');
  for (const piece of pieces) if (!socket.destroyed) socket.write(piece);
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}
