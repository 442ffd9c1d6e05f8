/** Which parts a node is made of, and what each is given: all of them but those that a setting chooses. */
import { ClientAddresses } from './address.ts';
import type { AgentRegistry } from './agents/registry.ts';
import type { Authenticate } from './auth/function.ts';
import { openAuthentication } from './auth/open.ts';
import type { MakeLimiter } from './budget.ts';
import type { Bus } from './buses/bus.ts';
import type { Config } from './config.ts';
import { ConnectionManager } from './connections/connection-manager.ts';
import { Limits, UNLIMITED_PERSON } from './limits.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics/metrics.ts';
import { Readiness } from './readiness.ts';
import { LocalRunQueue } from './runs/local-run-queue.ts';
import { RunManager } from './runs/run-manager.ts';
import { Calls } from './sessions/calls.ts';
import { Healing } from './sessions/healing.ts';
import { Hub } from './sessions/hub.ts';
import { Cleaner } from './sessions/retention.ts';
import { SessionManager } from './sessions/session-manager.ts';
import { Watchers } from './sessions/watchers.ts';
import type { Store } from './stores/store.ts';
import type { Traces } from './traces.ts';

export interface CompositionOptions {
  /** Its id. */
  readonly node: string;
  readonly config: Config;
  /** See `GatewayOptions`. */
  readonly authenticate?: Authenticate | undefined;
  readonly store: Store;
  readonly bus: Bus;
  readonly agents: AgentRegistry;
  readonly metrics: Metrics;
  readonly traces?: Traces | undefined;
  readonly log: Logger;
  /** See `Lease`. */
  readonly leaseMs?: number | undefined;
}

export type Composition = Awaited<ReturnType<typeof compose>>;

/** @throws what `openAuthentication` does; store and bus stay open. */
export async function compose(options: CompositionOptions) {
  const { node, config, store, bus, agents, metrics, traces, log } = options;
  const calls = new Calls(node, bus);
  const limiter: MakeLimiter = (...counted) => bus.limiter(...counted);
  const authentication = await openAuthentication(
    config,
    options.authenticate,
    { limiter, tickets: calls },
    log,
  ).catch((error) => {
    calls.close();
    throw error;
  });
  const isOneOwner = authentication.mode === 'none';
  const perPerson = isOneOwner ? UNLIMITED_PERSON : config;
  const limits = new Limits({
    ...config,
    ...perPerson,
    exemptsLoopback: isOneOwner,
    limiter,
  });
  const addresses = new ClientAddresses(config.trustedProxies);
  const originRules = { origins: config.origins, hosts: config.hosts };
  const hub = new Hub({ node, bus, calls, log, watchers: new Watchers(store, bus, log) });
  const runs = new RunManager({
    node,
    executes: config.role !== 'gateway',
    store,
    queue: new LocalRunQueue({ maxRunning: config.maxRuns }),
    agents,
    log,
    traces,
    metrics,
    publish: (incarnation, message, audience) => hub.publish(incarnation, message, { audience }),
    withdraw: (incarnation, chunk) => hub.withdraw(incarnation, chunk),
    runTimeout: config.runTimeout,
    maxAnswerLength: config.maxAnswerLength,
    leaseMs: options.leaseMs,
  });
  // Where the store fails, the next beat finds what this did not.
  calls.onWake = () => void runs.takeUpOwn().catch(() => {});
  const sessions = new SessionManager({
    store,
    hub,
    runs,
    agents,
    limits: { ...config, ...perPerson },
    log,
  });
  const healing = bus.reachesOthers ? new Healing({ store, hub, log }) : undefined;
  const cleaner = new Cleaner({ ...config, store, hub, runs, log });
  const readiness = new Readiness({
    store,
    bus,
    log,
    others: () => runs.others,
    workers: () => runs.countWorkers(),
  });
  const connections = new ConnectionManager({
    ...config,
    sessions,
    authentication,
    addresses,
    limits,
    log,
    metrics,
    originRules,
  });
  return {
    addresses,
    authentication,
    calls,
    limits,
    originRules,
    hub,
    runs,
    sessions,
    cleaner,
    readiness,
    connections,

    /** For `Metrics`. */
    measure: () => ({
      ...connections.measure(),
      ...runs.measure(),
      max_connections: config.maxConnections,
      max_runs: config.maxRuns,
      sessions: hub.size,
      store_writes_waiting: store.pendingWrites,
    }),

    /** Leaves what is being written to the next start, and closes the connections, within `graceMs`. */
    async disconnect(graceMs: number): Promise<void> {
      await runs.drain(AbortSignal.abort());
      await connections.close(graceMs);
    },

    /** Ends what is left; behind it nothing is written any more. */
    async close(): Promise<void> {
      readiness.close();
      await cleaner.close();
      await healing?.close();
      authentication.close();
      hub.close();
    },
  };
}
