/** One gateway for the many attacks of a file, and somebody on it who must not notice any of them. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { echoAgent, type GatewayOptions } from '../../packages/gateway/src/index.ts';
import { type RunningGateway, startGateway } from '../helpers/gateway.ts';
import { clientFrame, OPCODE, RawSocket } from '../helpers/raw.ts';
import { TestSocket } from '../helpers/socket.ts';
import { expectNoUncaught } from '../helpers/watch-process.ts';

/** The connection was not ended, and answers. */
export const GOES_ON = 'goes on';

/** A close code, or that the connection goes on. */
export type Outcome = number | typeof GOES_ON;

/** What hundreds of attacks may leave in the heap, what the tests themselves keep of each included, bytes. */
const HEAP_LEFT = 16_000_000;

setFlagsFromString('--expose-gc');
export const collectGarbage = runInNewContext('gc') as () => void;

function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const PROBE = 'are-you-there';
const probe = clientFrame(
  OPCODE.text,
  Buffer.from(JSON.stringify({ type: 'ping', message_id: PROBE })),
);

export interface Target {
  readonly port: number;
  readonly ws: string;
  /** A raw connection that was upgraded. */
  open(protocol?: string): Promise<RawSocket>;
  /** What becomes of a connection that sends these bytes. */
  attack(bytes: Buffer, protocol?: string): Promise<{ outcome: Outcome; raw: RawSocket }>;
}

/**
 * The gateway of a file of attacks. After each of them another connection is still answered; at the
 * end every attacker's connection is gone, the memory is back, and nothing was thrown past everyone.
 */
export function startTarget(options: GatewayOptions = {}): Target {
  expectNoUncaught();
  let gateway: RunningGateway;
  let witness: TestSocket;
  let heapBefore: number;
  const disposals: (() => unknown)[] = [];
  const onFinished = (dispose: () => unknown) => void disposals.push(dispose);
  let attackers: RawSocket[] = [];

  beforeAll(async () => {
    gateway = await startGateway({ agents: [echoAgent], ...options }, onFinished);
    witness = await TestSocket.open(gateway.ws, { onFinished });
    // What is loaded with the first request and stays is not what an attack has left.
    await (await fetch(`${gateway.http}/api/health`)).text();
    heapBefore = heapInUse();
  });
  afterEach(async () => {
    for (const { socket } of attackers) socket.destroy();
    attackers = [];
    expect((await witness.ask('unmoved')).data.content).toBe('unmoved');
  });
  afterAll(async () => {
    await onlyOneIsLeft(gateway.http);
    expect(heapInUse() - heapBefore).toBeLessThan(HEAP_LEFT);
    for (const dispose of disposals.reverse()) await dispose();
  });

  const target: Target = {
    get port() {
      return Number(new URL(gateway.ws).port);
    },
    get ws() {
      return gateway.ws;
    },
    async open(protocol = 'parley.v1') {
      const raw = await RawSocket.open(target.port, { protocol, onFinished: () => {} });
      attackers.push(raw);
      return raw;
    },
    async attack(bytes, protocol) {
      const raw = await target.open(protocol);
      raw.write(bytes);
      raw.write(probe);
      return { outcome: await outcomeOf(raw), raw };
    },
  };
  return target;
}

/** Resolves once the connection was ended, is told its end, or has answered what was asked last. */
async function outcomeOf(raw: RawSocket): Promise<Outcome> {
  const answered = () =>
    raw.frames.some(({ payload }) => payload.includes(`"reply_to":"${PROBE}"`));
  const toldItsEnd = () => raw.frames.some(({ opcode }) => opcode === OPCODE.close);
  await raw.until(() => answered() || toldItsEnd());
  return answered() ? GOES_ON : raw.closeCode;
}

/** Resolves once the gateway counts no connection but the witness's. */
async function onlyOneIsLeft(http: string): Promise<void> {
  await vi.waitFor(async () => {
    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(/^parley_connections .+/m.exec(metrics)?.[0]).toBe('parley_connections 1');
  }, 10_000);
}

/** The parts of a frame that `clientFrame` writes as RFC 6455 has them, each as an attack wants it. */
export interface FrameParts {
  /** Opcode, and what stands in the bits before it. */
  readonly opcode: number;
  readonly fin?: boolean;
  /** RSV1, RSV2, RSV3 as 4, 2, 1. */
  readonly reserved?: number;
  readonly masked?: boolean;
  readonly payload?: Buffer;
  /** How many bits the length has, and what it says, where that is not the payload's. */
  readonly lengthBits?: 7 | 16 | 64;
  readonly length?: bigint;
}

export function forgedFrame(parts: FrameParts): Buffer {
  const { opcode, fin = true, reserved = 0, masked = true, payload = Buffer.alloc(0) } = parts;
  const length = parts.length ?? BigInt(payload.length);
  const bits = parts.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(length), 2);
  if (bits === 64) head.writeBigUInt64BE(length, 2);
  // With a mask of zeros the payload stands there as it is.
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), payload]);
}
