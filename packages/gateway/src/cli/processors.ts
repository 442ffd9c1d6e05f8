import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/**
 * Where a process has one processor, V8's threads that look for garbage take it from the event loop: several of them at
 * once, for some 50 ms every few seconds, in which nobody is answered. What the event loop looks through itself, a
 * little at a time, costs as much in all and holds nobody up for longer than 10 ms.
 */
export function collectForProcessors(): void {
  if (availableParallelism() === 1) setFlagsFromString('--no-concurrent-marking');
}
