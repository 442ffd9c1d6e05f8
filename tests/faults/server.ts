/**
 * The process that is killed: a gateway as anyone would put it together, on a port and over a store that
 * are given. It ends with the process that started it, however that ends.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Pool } from 'pg';
import { createGateway } from '../../packages/gateway/src/index.ts';
import { agents } from './agents.ts';
import type { FromServer, ServerOptions, ToServer } from './server-process.ts';

const settings = JSON.parse(process.argv[2] ?? '{}') as ServerOptions;
const delay = monitorEventLoopDelay({ resolution: 1 });

let historyReads = 0;
const query = Pool.prototype.query;
Pool.prototype.query = function count(this: Pool, ...parameters: unknown[]) {
  const { name } = parameters[0] as { name?: string };
  if (name === 'readAfter' || name === 'readBefore') historyReads += 1;
  return Reflect.apply(query, this, parameters);
} as typeof query;

const gateway = await createGateway({
  agents,
  ...settings,
  // Of several nodes each says over and over that the database or Redis was taken away.
  logLevel: 'bus' in settings ? 'silent' : 'error',
});
const listening = await gateway.listen();

process.on('disconnect', () => process.exit());
process.once('SIGTERM', async () => {
  await gateway.drain();
  process.exit();
});
process.on('message', (message: ToServer) => {
  if (message === 'reads') {
    tell({ type: 'reads', count: historyReads });
    return;
  }
  if (message === 'measure') {
    delay.reset();
    delay.enable();
    return;
  }
  delay.disable();
  // Nanoseconds to milliseconds; the histogram has the timer's own interval in it.
  const milliseconds = (nanoseconds: number) => nanoseconds / 1e6;
  tell({
    type: 'delay',
    p50: milliseconds(delay.percentile(50)),
    p99: milliseconds(delay.percentile(99)),
    max: milliseconds(delay.max),
    samples: delay.count,
  });
});
tell({ type: 'ready', port: listening.port, pid: process.pid });

function tell(message: FromServer): void {
  process.send?.(message);
}
