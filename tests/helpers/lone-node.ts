import { randomUUID } from 'node:crypto';
import type { AuthNodes } from '../../packages/gateway/src/auth/open.ts';
import { MemoryBus } from '../../packages/gateway/src/buses/memory.ts';
import { Calls } from '../../packages/gateway/src/sessions/calls.ts';

/** A node without others. */
export function loneNode(): AuthNodes {
  const bus = new MemoryBus();
  return { limiter: bus.limiter.bind(bus), tickets: new Calls(randomUUID(), bus) };
}
