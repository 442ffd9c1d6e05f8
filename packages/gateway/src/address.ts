/** From which address a request comes, and how, also where proxies stand before the server. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv4, isIPv6, type Socket, SocketAddress } from 'node:net';
import { isLoopback } from './origin.ts';

export interface ClientAddress {
  /** IPv4, or IPv6 in its shortest form; `unknown` where the socket has none. */
  readonly address: string;
  /** What limits count by: the address, or the /64 of an IPv6 one, which is a single customer's. */
  readonly network: string;
  readonly isLoopback: boolean;
  /** It speaks TLS, with this server or with the proxy that it reaches first. */
  readonly isSecure: boolean;
}

export class ClientAddresses {
  /** `undefined`: there is none, which most servers need not ask of each address. */
  readonly #proxies: BlockList | undefined;

  /** `trustedProxies`: addresses and CIDR ranges whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  constructor(trustedProxies: readonly string[]) {
    if (trustedProxies.length === 0) return;
    this.#proxies = new BlockList();
    for (const range of trustedProxies) {
      const [address = '', length] = range.split('/');
      const family = isIPv4(address) ? 'ipv4' : 'ipv6';
      if (length === undefined) this.#proxies.addAddress(address, family);
      else this.#proxies.addSubnet(address, Number(length), family);
    }
  }

  /**
   * The socket's other end, unless that is a trusted proxy: then who it says it speaks for. Counted from
   * the right, because what stands left of the first one that is not trusted is what a client wrote.
   */
  of({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): ClientAddress {
    let address = plain(socket.remoteAddress ?? '') ?? 'unknown';
    let proxies = 0;
    const forwarded = listOf(headers['x-forwarded-for']);
    while (forwarded.length > 0 && this.#isProxy(address)) {
      proxies += 1;
      const before = plain(forwarded.pop()?.trim() ?? '');
      if (before === undefined) break;
      address = before;
    }
    const isSecure = schemeBefore(proxies, headers) ?? 'encrypted' in socket;
    return { address, network: networkOf(address), isLoopback: isLoopback(address), isSecure };
  }

  /** The socket's other end, before it has asked anything; `undefined`: a trusted proxy, which stands for many. */
  ofPeer(socket: Socket): ClientAddress | undefined {
    const peer = this.of({ headers: {}, socket });
    return this.#isProxy(peer.address) ? undefined : peer;
  }

  #isProxy(address: string): boolean {
    if (!this.#proxies || isIP(address) === 0) return false;
    return this.#proxies.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }
}

/** Whether it is an address or a CIDR range, as `trustedProxies` takes them. */
export function isAddressRange(text: string): boolean {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  return isIP(address) !== 0 && !address.includes('%') && Number(length ?? 0) <= bitsOf(address);
}

function listOf(header: string | string[] | undefined): string[] {
  return [header ?? []].flat().join(',').split(',');
}

/** What the outermost of so many trusted proxies says of TLS, counted from the right as the addresses are. */
function schemeBefore(proxies: number, headers: IncomingHttpHeaders): boolean | undefined {
  if (proxies === 0) return undefined;
  const schemes = listOf(headers['x-forwarded-proto']);
  // Most pass on the one that there is.
  const scheme = schemes[Math.max(0, schemes.length - proxies)]?.trim().toLowerCase();
  return scheme === 'https' ? true : scheme === 'http' ? false : undefined;
}

function bitsOf(address: string): number {
  return isIPv4(address) ? 32 : 128;
}

/** The address alone, one way of writing for each; proxies write a port behind some. */
function plain(text: string): string | undefined {
  const [, bare = text] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text) ?? [];
  const address = bare.replace(/%.*$/, '');
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return undefined;
  const groups = groupsOf(address);
  // IPv4-mapped: the same client, seen by a socket that takes both kinds.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  }
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const network = groupsOf(address).slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [left = [], right = []] = address.split('::').map((half) =>
    half
      .split(':')
      .filter((group) => group !== '')
      .flatMap((group) => {
        if (!group.includes('.')) return Number.parseInt(group, 16);
        const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
        return [a * 256 + b, c * 256 + d];
      }),
  );
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}
