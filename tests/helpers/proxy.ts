/** A network between clients and a server, which a test can make as bad as it likes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Line, Pipe } from './line.ts';

/** How it is, from the client to the server and back. Where nothing is said, it is good. */
export interface Network {
  readonly up?: Line;
  readonly down?: Line;
}

/** Nothing gets through, either way, and nobody is told. */
export const BLACK_HOLE: Network = { up: { blocked: true }, down: { blocked: true } };

/** One connection. */
export class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #up: Pipe;
  readonly #down: Pipe;
  #opening = '';

  constructor(client: Socket, server: Socket, seed: number, opened: (link: Link) => void) {
    this.#client = client;
    this.#server = server;
    client.once('data', (bytes) => {
      this.#opening = bytes.toString('latin1');
      opened(this);
    });
    this.#up = new Pipe(client, server, seed);
    this.#down = new Pipe(server, client, seed + 1);
  }

  /** What the client said first; empty until then. */
  get opening(): string {
    return this.#opening;
  }

  shape({ up = {}, down = {} }: Network): void {
    this.#up.set(up);
    this.#down.set(down);
  }

  /** Ends it with a reset, both ways; what was on its way is lost. */
  reset(): void {
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  /** Ends one direction, as `shutdown` does; the other goes on. */
  halfClose(way: 'up' | 'down'): void {
    (way === 'up' ? this.#up : this.#down).halfClose();
  }

  /** Nothing will ever get through again, and nobody is told: what is between has forgotten it. */
  forget(): void {
    this.#up.goDeaf();
    this.#down.goDeaf();
  }
}

export interface TcpProxy {
  /** Where clients connect instead of to the server. */
  readonly port: number;
  /** How the network is from now on, for those that are connected and for those that come. */
  shape(network: Network | ((link: Link) => Network)): void;
  /** The network is good, and what was on its way goes on, in order. */
  heal(): void;
  /** Ends every connection with a reset. */
  cut(): void;
  /** Calls back, once, when so many bytes have come in all, either way, and before the last go on. */
  after(bytes: number, then: () => void): void;
  /** The connections that there are. */
  readonly links: readonly Link[];
  /** How many clients have made so far. */
  readonly connections: number;
  close(): void;
}

/** A proxy before the server of this address, and the address that goes through it. */
export async function proxyBefore(url: string): Promise<{ proxy: TcpProxy; through: string }> {
  const address = new URL(url);
  const proxy = await startProxy(Number(address.port));
  address.port = `${proxy.port}`;
  return { proxy, through: String(address) };
}

/** Listens on a free port and passes everything on to `target`; closed when the test ends. */
export async function startProxy(target: number, seed = 1): Promise<TcpProxy> {
  const links = new Map<Link, readonly Socket[]>();
  let wanted: (link: Link) => Network = () => ({});
  let connections = 0;
  let carried = 0;
  let due: { readonly bytes: number; then(): void } | undefined;

  function count({ length }: Buffer): void {
    carried += length;
    if (!due || carried < due.bytes) return;
    const { then } = due;
    due = undefined;
    then();
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections += 1;
    const upstream = connect({
      port: target,
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    });
    for (const socket of [client, upstream]) socket.on('data', count);
    const shape = (link: Link) => link.shape(wanted(link));
    const link = new Link(client, upstream, seed + 2 * connections, shape);
    links.set(link, [client, upstream]);
    shape(link);
    for (const socket of [client, upstream]) {
      socket.on('close', () => {
        if (client.closed && upstream.closed) links.delete(link);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function shape(network: Network | ((link: Link) => Network)): void {
    wanted = typeof network === 'function' ? network : () => network;
    for (const link of links.keys()) link.shape(wanted(link));
  }
  function close(): void {
    for (const socket of [...links.values()].flat()) socket.destroy();
    server.close();
  }
  onTestFinished(close);
  return {
    port: (server.address() as AddressInfo).port,
    shape,
    heal: () => shape({}),
    cut() {
      for (const link of links.keys()) link.reset();
    },
    after(bytes, then) {
      due = { bytes, then };
    },
    get links() {
      return [...links.keys()];
    },
    get connections() {
      return connections;
    },
    close,
  };
}
