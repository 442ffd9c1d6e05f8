/**
 * Preloaded into the programs of the documentation, which are run as they are printed: where they say
 * port 8080, a server takes a free one and a client goes to the one in DOCS_PORT.
 */
import { Server } from 'node:net';

const listen = Server.prototype.listen;
Server.prototype.listen = function (this: Server, port: unknown, ...rest: never[]) {
  return (listen as (...args: unknown[]) => Server).call(this, port === 8080 ? 0 : port, ...rest);
} as typeof listen;

const Original = globalThis.WebSocket;
globalThis.WebSocket = class extends Original {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(String(url).replace(':8080', `:${process.env.DOCS_PORT}`), protocols);
  }
};

const request = globalThis.fetch;
globalThis.fetch = (input, init) =>
  request(
    typeof input === 'string' ? input.replace(':8080', `:${process.env.DOCS_PORT}`) : input,
    init,
  );
