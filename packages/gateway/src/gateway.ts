/** A gateway: what its settings choose, how it starts, listens, drains and stops. */

import { existsSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import packageJson from '../package.json' with { type: 'json' };
import { type Agent, type AgentDefinition, defineAgent } from './agents/agent.ts';
import { configuredModels, findOllama } from './agents/discover.ts';
import { echoAgent } from './agents/echo.ts';
import { createGuideAgent } from './agents/guide.ts';
import { AgentRegistry } from './agents/registry.ts';
import { simulatorAgent } from './agents/simulator.ts';
import type { Authenticate } from './auth/function.ts';
import type { Bus } from './buses/bus.ts';
import { MemoryBus } from './buses/memory.ts';
import { type Composition, compose } from './composition.ts';
import { type Config, ConfigError, type ConfigOptions, parseOptions } from './config.ts';
import { endUpgrade } from './connections/upgrade-response.ts';
import { BACKLOG, boundConnections, SERVER_OPTIONS } from './http/bounds.ts';
import { createRequestListener } from './http/request-listener.ts';
import { onUpgrade } from './http/upgrades.ts';
import { createLogger, type Logger } from './log.ts';
import { createExposition } from './metrics/exposition.ts';
import { Metrics } from './metrics/metrics.ts';
import type { Gauges } from './metrics/snapshot.ts';
import { Monitor } from './monitor/monitor.ts';
import { isLoopback, pathOf } from './origin.ts';
import { StoreOutage } from './outage.ts';
import { randomId } from './random-id.ts';
import { MemoryStore } from './stores/memory.ts';
import { openSqliteStore } from './stores/sqlite.ts';
import type { OnCommit, Store } from './stores/store.ts';
import { createTlsServer, tlsFiles } from './tls.ts';
import type { Traces } from './traces.ts';

export interface GatewayOptions extends ConfigOptions {
  /**
   * What answers, beside the models that the settings name. The first one is the default unless `agent` names
   * another. Left out: the agents that come with Parley.
   */
  readonly agents?: readonly AgentDefinition[];
  /** Says who is asking, in the place of the setting `auth`. */
  readonly authenticate?: Authenticate;
  /** Left out: JSON lines on standard output, text on a terminal, from `logLevel` on. */
  readonly logger?: Logger;
}

export interface Gateway {
  /** Its id, another one after each start: it stands in every line of its log. */
  readonly node: string;
  /** The settings in force. */
  readonly config: Config;
  readonly agents: AgentRegistry;
  /**
   * Listens on the configured port and host by itself.
   *
   * @throws the error of `node:http` where the port cannot be had (`code: 'EADDRINUSE'`).
   */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /**
   * Takes the WebSocket connections to `/ws` of a server that you have already; its other upgrades and
   * its requests are left alone. Pass requests to `handle` to have the HTTP API and the page as well.
   */
  attach(server: Server): void;
  /** Answers an HTTP request. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /**
   * Stops gently: no new connections, running answers may finish for `drainTimeout`, everyone is told
   * when to come back; what is not finished is taken up at the next start. Then `close`.
   */
  drain(): Promise<void>;
  /** Stops at once. Nothing that was acknowledged is lost. */
  close(): Promise<void>;
  /**
   * Resolves when it has stopped, whoever has said so: an administrator may have it drained from the monitor.
   * It does not begin again; a program that goes on without it makes another one.
   */
  readonly closed: Promise<void>;
}

/** An import of it would load what `fetch` is made of as well, for the sake of one of its names: 13 MB. */
const { createServer } = process.getBuiltinModule('node:http');
/** Connections that have not answered the close by then are ended, milliseconds. */
const CLOSE_GRACE_MS = 1_000;
const VERSION: string = packageJson.version;
const SOCKET_PATH = '/ws';
/** Where the built page is: in the published package, and in the repository. */
const WEB_ROOTS: readonly string[] = ['../web', '../../web/dist'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/**
 * Puts agents behind a WebSocket, with durable sessions.
 *
 * @throws {ConfigError} where a setting is wrong, or no agent has the name of the default one.
 * @throws {StoreError} where the data directory is in use or cannot be used, or the database server cannot.
 *
 * @example
 * const gateway = await createGateway({
 *   agents: [defineAgent({ name: 'parrot', run: ({ message }) => message })],
 * });
 * const { url } = await gateway.listen();
 */
export async function createGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { agents: given, authenticate, logger, ...settings } = options;
  const agent = settings.agent ?? given?.[0]?.name;
  const config = parseOptions(agent === undefined ? settings : { ...settings, agent });
  const node = randomId();
  const ownLog = (
    logger ??
    (await createLogger({ level: config.logLevel, pretty: process.stdout.isTTY === true }))
  ).child({ node });
  const outage = new StoreOutage(ownLog);
  const log = outage.quieten(ownLog);
  checkNodes(config);
  const traces = await openTraces(config);
  const agents = await collectAgents(config, given, log);
  const names = agents.list().map(({ name }) => name);
  const metrics = new Metrics((): Gauges => parts.measure(), names);
  const store: Store = outage.watch(
    await openStore(config, (seconds) => metrics.storeCommit.observe(seconds)),
  );
  const bus = await openBus(config, store.deployment, log).catch(async (error) => {
    await store.close();
    throw error;
  });
  // After the store, which says in words what is wrong with the data directory.
  const parts: Composition = await compose({
    node,
    config,
    authenticate,
    store,
    bus,
    agents,
    metrics,
    traces,
    log,
  }).catch(async (error) => {
    await bus.close();
    await store.close();
    throw error;
  });
  const { addresses, authentication, calls, connections, limits, originRules } = parts;
  const { readiness, runs, sessions } = parts;
  const monitor = new Monitor({
    calls,
    connections,
    drain: () => gateway.drain(),
    log,
    state: () => (isLeaving ? 'draining' : 'serving'),
    report: async () => ({
      node,
      address: port === undefined ? hostname() : `${hostname()}:${port}`,
      version: VERSION,
      role: config.role,
      faults: await readiness.faults(),
      metrics: metrics.snapshot(),
    }),
  });
  /** Where it is known. */
  let port: number | undefined;
  let url = `http://${hostInUrl(config.host)}:${config.port}`;
  const handle = createRequestListener({
    sessions,
    agents,
    config,
    log,
    authentication,
    addresses,
    limits,
    originRules,
    version: VERSION,
    url: () => url,
    readiness: () => readiness.ask(),
    metrics,
    exposition: createExposition(
      () => metrics.snapshot(),
      () => readiness.ask(),
    ),
    monitor,
    webRoot: WEB_ROOTS.find((root) => existsSync(root)),
  });
  const servers: Server[] = [];
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    connections.upgrade(request, socket, head);
  let isLeaving = false;
  let draining: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  const closed = Promise.withResolvers<void>();

  /** Says to balancers and to other nodes that this one goes. */
  function leave(): void {
    if (isLeaving) return;
    isLeaving = true;
    readiness.leave();
    monitor.leave();
  }

  async function drain(): Promise<void> {
    leave();
    connections.announceRestart();
    for (const server of servers) server.close();
    await runs.drain(AbortSignal.timeout(config.drainTimeout));
    await gateway.close();
  }

  async function stop(): Promise<void> {
    leave();
    for (const server of servers) server.close();
    await parts.disconnect(CLOSE_GRACE_MS);
    for (const server of servers) server.closeAllConnections();
    await parts.close();
    metrics.close();
    await store.close();
    await bus.close();
  }

  try {
    await runs.start();
  } catch (error) {
    await stop();
    throw error;
  }
  if (bus.reachesOthers) void monitor.join();

  const gateway: Gateway = {
    node,
    config,
    agents,
    async listen() {
      if (!authenticate) checkExposure(config);
      const files = tlsFiles(config);
      const server = files
        ? await createTlsServer(files, SERVER_OPTIONS, handle, log)
        : createServer(SERVER_OPTIONS, handle);
      boundConnections(server, config, addresses, limits);
      onUpgrade(server, (request, socket, head) => {
        if (isSocketPath(request) && config.role !== 'worker') upgrade(request, socket, head);
        else endUpgrade(socket, 'HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      });
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(config.port, config.host.replace(/^\[|\]$/g, ''), BACKLOG, resolve);
      });
      server.on('error', (error) => log.error({ err: error }, 'the HTTP server failed'));
      servers.push(server);
      ({ port } = server.address() as AddressInfo);
      url = `${files ? 'https' : 'http'}://${hostInUrl(config.host)}:${port}`;
      return { url, port };
    },
    attach(server) {
      const learnUrl = () => {
        const address = server.address();
        if (typeof address !== 'object' || address === null) return;
        port = address.port;
        url = `http://${hostInUrl(address.address)}:${port}`;
      };
      if (server.listening) learnUrl();
      else server.once('listening', learnUrl);
      onUpgrade(server, (request, socket, head) => {
        if (isSocketPath(request)) upgrade(request, socket, head);
      });
    },
    handle,
    drain() {
      draining ??= drain();
      return draining;
    },
    close() {
      closing ??= stop().finally(closed.resolve);
      return closing;
    },
    closed: closed.promise,
  };
  return gateway;
}

async function openStore(config: Config, onCommit: OnCommit): Promise<Store> {
  switch (config.store) {
    case 'memory:':
      return new MemoryStore();
    case 'sqlite:':
      return openSqliteStore(config.dataDir, onCommit);
    default: {
      // Only where it is used: a laptop's start need not wait for a driver that it has no server for.
      const { openPostgresStore } = await import('./stores/postgres.ts');
      return openPostgresStore(config.store, onCommit);
    }
  }
}

/** @throws {ConfigError} for nodes that could not be one. */
function checkNodes({ bus, store, role, signingKeys }: Config): void {
  if (bus === 'memory:') {
    if (role === 'all') return;
    throw new ConfigError([
      `role: a ${role} does not answer without other nodes. Set store to postgres://… and bus to redis://…, or leave role out.`,
    ]);
  }
  if (store === 'memory:' || store === 'sqlite:') {
    throw new ConfigError([
      `bus: nodes that hear each other need one store that all of them can use, and ${store} is of one process. Set store to postgres://…, or leave bus out.`,
    ]);
  }
  if (signingKeys.length > 0) return;
  throw new ConfigError([
    'signingKeys: each node would make a key of its own, and not know what the others have signed. Give all of them the same ones.',
  ]);
}

async function openTraces({ traces }: Config): Promise<Traces | undefined> {
  return traces === 'on' ? (await import('./traces.ts')).openTraces(VERSION) : undefined;
}

async function openBus({ bus }: Config, deployment: string, log: Logger): Promise<Bus> {
  if (bus === 'memory:') return new MemoryBus();
  const { openRedisBus } = await import('./buses/redis.ts');
  return openRedisBus(bus, deployment, log);
}

async function collectAgents(
  config: Config,
  given: readonly AgentDefinition[] | undefined,
  log: Logger,
): Promise<AgentRegistry> {
  const models = fitting(() => configuredModels(config));
  if (given) {
    const own = fitting(() => given.map(defineAgent));
    const both = models.find((model) => own.some(({ name }) => name === model.name));
    if (both) {
      throw new ConfigError([
        `models: ${both.name} is the name of an agent already. Leave it out, or call the agent otherwise.`,
      ]);
    }
    return registry([...own, ...models], config);
  }
  const agents = [createGuideAgent(), echoAgent, simulatorAgent, ...models];
  const ollama = config.ollamaUrl === '' ? [] : findOllama({ url: config.ollamaUrl });
  if (agents.some(({ name }) => name === config.agent)) {
    // Nobody waits for a server that may not be there.
    const known = registry(agents, config);
    void Promise.resolve(ollama).then((found) => {
      for (const agent of found) if (!known.get(agent.name)) known.add(agent);
      if (found.length > 0) log.info({ models: found.length }, 'Ollama was found');
    });
    return known;
  }
  return registry([...agents, ...(await ollama)], config);
}

function registry(agents: readonly Agent[], config: Config): AgentRegistry {
  return fitting(() => new AgentRegistry(agents, config.agent));
}

/** Which agents there are is known only here; that they do not fit the settings is a wrong setting. */
function fitting<Made>(make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    throw new ConfigError([(error as Error).message]);
  }
}

/** @throws {ConfigError} for a server that others can reach and that asks nobody who they are. */
function checkExposure({ auth, host }: Config): void {
  if (auth !== 'none' || isLoopback(host)) return;
  throw new ConfigError([
    `auth is none, and the address ${host} can be reached from other machines: everyone there could read and change everything. Set auth to anonymous or token, or host to 127.0.0.1.`,
  ]);
}

function isSocketPath(request: IncomingMessage): boolean {
  return pathOf(request) === SOCKET_PATH;
}

function hostInUrl(host: string): string {
  if (host === '127.0.0.1' || host === '::1' || host === '0.0.0.0' || host === '::')
    return 'localhost';
  // A URL has no place for the zone of a link-local address.
  const [address = host] = host.split('%');
  return address.includes(':') && !address.startsWith('[') ? `[${address}]` : address;
}
