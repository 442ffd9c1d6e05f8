import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { AgentRegistry } from '../../packages/gateway/src/agents/registry.ts';
import type { Authenticate } from '../../packages/gateway/src/auth/function.ts';
import type { Bus } from '../../packages/gateway/src/buses/bus.ts';
import { MemoryBus } from '../../packages/gateway/src/buses/memory.ts';
import { type Composition, compose } from '../../packages/gateway/src/composition.ts';
import { type ConfigOptions, parseOptions } from '../../packages/gateway/src/config.ts';
import { type Agent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { createLogger } from '../../packages/gateway/src/log.ts';
import { Metrics } from '../../packages/gateway/src/metrics/metrics.ts';
import type { Gauges } from '../../packages/gateway/src/metrics/snapshot.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import type { Store } from '../../packages/gateway/src/stores/store.ts';

export interface ComposedOptions extends Omit<ConfigOptions, 'bus'> {
  readonly agents?: readonly Agent[];
  /** The log that the gateway writes to; default: one in memory. */
  readonly keptIn?: Store;
  readonly authenticate?: Authenticate;
  /** Of several nodes, the one that this is; default: there is no other. */
  readonly bus?: Bus;
  /** After so long without a word from it this node is dead to the others, milliseconds. */
  readonly leaseMs?: number;
  /** What it does not outlive; default: the test. */
  readonly onFinished?: (dispose: () => Promise<void>) => void;
}

/**
 * The gateway's own parts around a store of the test's choice, which `createGateway` has no way to
 * take: for commits that are held, slow, or fail. Real server, real sockets; closed when the test ends.
 */
export async function startComposed(options: ComposedOptions = {}) {
  const {
    agents: given = [simulatorAgent],
    keptIn: store = new MemoryStore(),
    bus = new MemoryBus(),
    leaseMs,
    authenticate,
    onFinished = onTestFinished,
    ...settings
  } = options;
  const config = parseOptions({ store: 'memory:', ...settings });
  const log = await createLogger({ level: 'silent', pretty: false });
  const agents = new AgentRegistry(given, given[0]?.name ?? '');
  const names = given.map(({ name }) => name);
  const metrics = new Metrics((): Gauges => parts.measure(), names);
  const parts: Composition = await compose({
    node: randomUUID(),
    config,
    authenticate,
    store,
    bus,
    agents,
    metrics,
    log,
    leaseMs,
  });
  const { runs, connections } = parts;
  const server = createServer();
  server.on('upgrade', (request, socket, head) => connections.upgrade(request, socket, head));
  await runs.start();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onFinished(async () => {
    server.close();
    await parts.disconnect(100);
    await parts.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    ws: `ws://127.0.0.1:${port}/ws`,
    port,
    ...parts,
    store,
    agents,
    log,
    metrics,
  };
}
