import { randomUUID } from 'node:crypto';
import type { AuthNodes } from '../../packages/gateway/src/auth/open.ts';
import type { Bus } from '../../packages/gateway/src/buses/bus.ts';
import { MemoryBus } from '../../packages/gateway/src/buses/memory.ts';
import { Calls } from '../../packages/gateway/src/sessions/calls.ts';

/** A node without others. */
export function loneNode(): AuthNodes & { readonly bus: Bus } {
  const bus = new MemoryBus();
  return { bus, limiter: bus.limiter.bind(bus), tickets: new Calls(randomUUID(), bus) };
}
