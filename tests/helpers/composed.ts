import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { ClientAddresses } from '../../packages/gateway/src/address.ts';
import { AgentRegistry } from '../../packages/gateway/src/agents/registry.ts';
import type { Authenticate } from '../../packages/gateway/src/auth/function.ts';
import { openAuthentication } from '../../packages/gateway/src/auth/open.ts';
import type { Bus } from '../../packages/gateway/src/buses/bus.ts';
import { MemoryBus } from '../../packages/gateway/src/buses/memory.ts';
import { type ConfigOptions, parseOptions } from '../../packages/gateway/src/config.ts';
import { ConnectionManager } from '../../packages/gateway/src/connections/connection-manager.ts';
import { type Agent, simulatorAgent } from '../../packages/gateway/src/index.ts';
import { Limits, UNLIMITED_PERSON } from '../../packages/gateway/src/limits.ts';
import { createLogger } from '../../packages/gateway/src/log.ts';
import { Metrics } from '../../packages/gateway/src/metrics/metrics.ts';
import { LocalRunQueue } from '../../packages/gateway/src/runs/local.ts';
import { RunManager } from '../../packages/gateway/src/runs/run-manager.ts';
import { Calls } from '../../packages/gateway/src/sessions/calls.ts';
import { Healing } from '../../packages/gateway/src/sessions/healing.ts';
import { Hub } from '../../packages/gateway/src/sessions/hub.ts';
import { Cleaner } from '../../packages/gateway/src/sessions/retention.ts';
import { SessionManager } from '../../packages/gateway/src/sessions/session-manager.ts';
import { Watchers } from '../../packages/gateway/src/sessions/watchers.ts';
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
    keptIn = new MemoryStore(),
    authenticate,
    bus = new MemoryBus(),
    leaseMs,
    onFinished = onTestFinished,
    ...settings
  } = options;
  const config = parseOptions({ store: 'memory:', ...settings });
  const log = await createLogger({ level: 'silent', pretty: false });
  const agents = new AgentRegistry(given, given[0]?.name ?? '');
  const node = randomUUID();
  const calls = new Calls(node, bus);
  const limiter = bus.limiter.bind(bus);
  const hub = new Hub({ node, bus, calls, log, watchers: new Watchers(keptIn, bus, log) });
  const metrics: Metrics = new Metrics(() => ({
    ...connections.measure(),
    ...runs.measure(),
    max_connections: config.maxConnections,
    max_runs: config.maxRuns,
    sessions: hub.size,
    store_writes_waiting: keptIn.pendingWrites,
  }));
  const runs = new RunManager({
    node,
    executes: config.role !== 'gateway',
    store: keptIn,
    queue: new LocalRunQueue({ maxRunning: config.maxRuns }),
    agents,
    log,
    metrics,
    publish: (incarnation, message, audience) => hub.publish(incarnation, message, { audience }),
    withdraw: (incarnation, chunk) => hub.withdraw(incarnation, chunk),
    runTimeout: config.runTimeout,
    maxAnswerLength: config.maxAnswerLength,
    ...(leaseMs === undefined ? {} : { leaseMs }),
  });
  calls.onWake = () => void runs.takeUpOwn().catch(() => {});
  const sessions = new SessionManager({
    store: keptIn,
    hub,
    runs,
    agents,
    limits: { ...config, ...UNLIMITED_PERSON },
    log,
  });
  const cleaner = new Cleaner({ ...config, store: keptIn, hub, runs, log });
  const connections: ConnectionManager = new ConnectionManager({
    ...config,
    sessions,
    authentication: await openAuthentication(
      config,
      authenticate,
      { limiter, tickets: calls },
      log,
    ),
    addresses: new ClientAddresses(config.trustedProxies),
    limits: new Limits({ ...config, ...UNLIMITED_PERSON, exemptsLoopback: true, limiter }),
    log,
    metrics,
    originRules: { origins: config.origins, hosts: config.hosts },
  });
  const healing = bus.reachesOthers ? new Healing({ store: keptIn, hub, log }) : undefined;
  const server = createServer();
  server.on('upgrade', (request, socket, head) => connections.upgrade(request, socket, head));
  await runs.start();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onFinished(async () => {
    server.close();
    await runs.drain(AbortSignal.abort());
    await connections.close(100);
    await cleaner.close();
    await healing?.close();
    hub.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    ws: `ws://127.0.0.1:${port}/ws`,
    port,
    store: keptIn,
    runs,
    connections,
    cleaner,
    hub,
    sessions,
    agents,
    log,
    metrics,
  };
}
