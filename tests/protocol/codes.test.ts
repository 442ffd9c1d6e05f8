import { readdirSync, readFileSync } from 'node:fs';
import {
  CLOSE_CODES,
  type CloseCode,
  ERROR_CODES,
  type ErrorCode,
  mayReconnect,
} from '@parley/protocol';
import { expect, test } from 'vitest';

const SOURCE = new URL('../../packages/gateway/src/', import.meta.url);
const CODEC = new URL('../../packages/protocol/src/codec.ts', import.meta.url);

const source = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(new URL(path, SOURCE), 'utf8'))
  .concat(readFileSync(CODEC, 'utf8'))
  .join('\n')
  .replaceAll(/\/\*[\s\S]*?\*\//g, '')
  .replaceAll(/\/\/.*$/gm, '');

const errorCodes = Object.keys(ERROR_CODES) as ErrorCode[];
/** Codes that the library of the socket sends by itself, and those that only a client sends. */
const OF_RFC_6455: readonly number[] = [1000, 1001, 1002, 1007, 1008, 1009];

test.each(errorCodes)('[R12] the documented error %s is produced somewhere', (code) => {
  expect(source).toContain(`'${code}'`);
});

test.each(errorCodes)(
  '[R12] the error %s has a sentence for people and a status for HTTP',
  (code) => {
    const { description, status } = ERROR_CODES[code];
    expect(description).toMatch(/^[A-Z].{10,150}\.$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  },
);

const closeCodes = Object.keys(CLOSE_CODES).map(Number) as CloseCode[];

test.each(closeCodes)('[R12] the documented close code %d is produced somewhere', (code) => {
  const produced = OF_RFC_6455.includes(code) || new RegExp(`\\b${code}\\b`).test(source);
  expect(produced).toBe(true);
});

test.each(closeCodes)(
  '[R12] the close code %d says whether to come back, in a frame’s room',
  (code) => {
    const { reconnect, description } = CLOSE_CODES[code];
    expect(mayReconnect(code)).toBe(reconnect);
    // A control frame has 125 bytes, two of which are the code.
    expect(Buffer.byteLength(description)).toBeLessThanOrEqual(123);
  },
);

test('[R12] a code of no table means: reconnect', () => {
  expect([1005, 1006, 4999, 3000].map(mayReconnect)).toEqual([true, true, true, true]);
});
