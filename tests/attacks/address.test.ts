/** From which address a request comes, whatever is written into it. */
import type { IncomingMessage } from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClientAddresses } from '../../packages/gateway/src/address.ts';
import { ConfigError, parseOptions } from '../../packages/gateway/src/config.ts';

/** The address of a request that came to a server with these proxies from the socket's other end. */
function addressOf(trusted: readonly string[], remoteAddress: string, forwarded?: string) {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const request = { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
  return new ClientAddresses(trusted).of(request);
}

const inRange = (range: number) => (low: number) => `10.${range}.${low >> 8}.${low & 255}`;
const proxy = fc.nat({ max: 65_535 }).map(inRange(1));
const client = fc.oneof(
  fc.nat({ max: 65_535 }).map(inRange(2)),
  fc.ipV6().filter((address) => !/^[0:]*:ffff:/i.test(address)),
);
const anything = fc.oneof(
  client,
  proxy,
  fc.string(),
  fc.constantFrom('127.0.0.1', '::1', 'unknown'),
);
const TRUSTED = ['10.1.0.0/16'];

describe('[R8] the address of a client', () => {
  test('is the one that the outermost trusted proxy saw, whatever the client wrote', () => {
    fc.assert(
      fc.property(
        client,
        fc.array(proxy, { minLength: 1, maxLength: 4 }),
        fc.array(anything, { maxLength: 6 }),
        (from, proxies, written) => {
          const direct = addressOf(TRUSTED, from);
          const forwarded = [...written, from, ...proxies.slice(1)].join(', ');
          expect(addressOf(TRUSTED, proxies[0] ?? '', forwarded)).toEqual(direct);
        },
      ),
    );
  });

  test('is the socket’s where that is no trusted proxy', () => {
    fc.assert(
      fc.property(client, fc.array(anything), (from, written) => {
        expect(addressOf(TRUSTED, from, written.join(', '))).toEqual(addressOf(TRUSTED, from));
        expect(addressOf([], from, written.join(', '))).toEqual(addressOf([], from));
      }),
    );
  });

  test('counts by the /64 of IPv6, and is IPv4 where it is mapped', () => {
    const half = fc.array(fc.nat({ max: 0xffff }), { minLength: 4, maxLength: 4 });
    const text = (groups: readonly number[]) => groups.map((group) => group.toString(16)).join(':');
    fc.assert(
      fc.property(half, half, half, (network, one, other) => {
        fc.pre(network.some((group) => group !== 0));
        const [a, b] = [one, other].map((low) => addressOf([], `${text(network)}:${text(low)}`));
        expect(a?.network).toBe(b?.network);
        const next = [...network.slice(0, 3), (network[3] ?? 0) ^ 1];
        expect(addressOf([], `${text(next)}:${text(one)}`).network).not.toBe(a?.network);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const plain = addressOf([], address);
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const hex = `::ffff:${text([a * 256 + b, c * 256 + d])}`;
        for (const mapped of [`::ffff:${address}`, `0:0:0:0:0:FFFF:${address}`, hex]) {
          expect(addressOf([], mapped)).toEqual(plain);
        }
        expect(plain.network).toBe(address);
      }),
    );
  });

  test.each([
    ['a port', '203.0.113.7:4711', '203.0.113.7'],
    ['brackets', '[2001:DB8:0::1]:443', '2001:db8::1'],
    ['a zone', 'fe80::1%eth0', 'fe80::1'],
    ['nothing that is an address: the proxy itself then', '203.0.113.7, unknown', '10.1.0.1'],
    ['nothing', '', '10.1.0.1'],
    ['proxies alone: the farthest of them', '10.1.0.3, 10.1.0.2', '10.1.0.3'],
  ])('is read where a proxy writes %s', (_name, forwarded, address) => {
    expect(addressOf(TRUSTED, '::ffff:10.1.0.1', forwarded).address).toBe(address);
  });

  const schemeOf = (remoteAddress: string, forwarded: string, proto: string, encrypted: boolean) =>
    new ClientAddresses(TRUSTED).of({
      headers: { 'x-forwarded-for': forwarded, 'x-forwarded-proto': proto },
      socket: { remoteAddress, ...(encrypted ? { encrypted } : {}) },
    } as unknown as IncomingMessage).isSecure;
  test.each([
    ['said by the proxy', '10.1.0.1', '203.0.113.7', 'https', true],
    ['in capitals', '10.1.0.1', '203.0.113.7', 'HTTPS', true],
    ['without an address', '10.1.0.1', '', 'https', true],
    ['not said', '10.1.0.1', '203.0.113.7', '', false],
    ['no scheme', '10.1.0.1', '203.0.113.7', 'wss', false],
    ['written by the client, and added to', '10.1.0.1', '203.0.113.7', 'https, http', false],
    ['of the first of two proxies', '10.1.0.1', '203.0.113.7, 10.1.0.2', 'https, http', true],
    [
      'of two, written by the client',
      '10.1.0.1',
      '203.0.113.7, 10.1.0.2',
      'https, http, http',
      false,
    ],
    ['passed on by the second of two', '10.1.0.1', '203.0.113.7, 10.1.0.2', 'https', true],
    ['said by nobody who is trusted', '203.0.113.7', '203.0.113.7', 'https', false],
  ])('TLS, %s', (_name, from, forwarded, proto, expected) => {
    expect(schemeOf(from, forwarded, proto, false)).toBe(expected);
    // Of one's own socket it is known, unless a proxy speaks for somebody else.
    const isSaid = from !== '203.0.113.7' && /^https?(,|$)/i.test(proto);
    expect(schemeOf(from, forwarded, proto, true)).toBe(isSaid ? expected : true);
  });

  test.each(['10.0.0.0/33', '::1/129', '10.0.0', 'proxy.example.org', '10.0.0.0/', 'fe80::1%eth0'])(
    'and %s is no trusted proxy',
    (wrong) => {
      expect(() => parseOptions({ trustedProxies: [wrong] })).toThrow(ConfigError);
    },
  );
});
