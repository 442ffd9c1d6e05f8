/** Several nodes in one process, and what can come between them. */
import { randomUUID } from 'node:crypto';
import type { ServerMessage } from '@parley/protocol';
import { onTestFinished } from 'vitest';
import { AgentRegistry } from '../../packages/gateway/src/agents/registry.ts';
import type { Bus, Notice } from '../../packages/gateway/src/buses/bus.ts';
import { MemoryExchange } from '../../packages/gateway/src/buses/memory.ts';
import type { Agent } from '../../packages/gateway/src/index.ts';
import { createLogger } from '../../packages/gateway/src/log.ts';
import { AgentMetrics } from '../../packages/gateway/src/metrics/agent-metrics.ts';
import { LocalRunQueue } from '../../packages/gateway/src/runs/local-run-queue.ts';
import { RunManager } from '../../packages/gateway/src/runs/run-manager.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import {
  type AppendMessage,
  type MessageOutcome,
  type Store,
  StoreError,
} from '../../packages/gateway/src/stores/store.ts';
import { startComposed } from './composed.ts';
import { puppet } from './puppet.ts';
import { TestSocket } from './socket.ts';

/** What nodes of one cluster have in common. */
export const SIGNING_KEYS = ['one key for all of these nodes, as long as may be'];

/** As a database that several processes use at once. */
export class SharedStore extends MemoryStore {
  override readonly isShared = true;
}

const silent = new WeakMap<Store, Set<string>>();

/** From now on a node reaches the store no more to say that it lives; returns what heals that. */
export function silence(store: Store, node: string): () => void {
  const known = silent.get(store);
  const nodes = known ?? new Set();
  nodes.add(node);
  if (!known) {
    silent.set(store, nodes);
    const keepAlive = store.keepAlive.bind(store);
    store.keepAlive = async (id, ms) => {
      if (nodes.has(id)) throw new StoreError('The store is not reached.');
      return keepAlive(id, ms);
    };
  }
  return () => nodes.delete(node);
}

/** A bus that loses what the test says. */
export function lossy(bus: Bus, loses: (notice: Notice) => boolean): Bus & { tellLoss(): void } {
  const onLoss: (() => void)[] = [];
  return {
    /** As when it hears again what others publish. */
    tellLoss: () => {
      for (const callback of onLoss) callback();
    },
    onLoss: (callback) => {
      onLoss.push(callback);
      bus.onLoss(callback);
    },
    reachesOthers: true,
    publish: async (topic, notice) => !loses(notice) && bus.publish(topic, notice),
    follow: (topic, receive) => bus.follow(topic, receive),
    grow: (key, head, piece) => bus.grow(key, head, piece),
    kept: (key) => bus.kept(key),
    drop: (key, head) => bus.drop(key, head),
    limiter: (name, points, seconds) => bus.limiter(name, points, seconds),
    check: () => bus.check(),
    close: () => bus.close(),
  };
}

export interface RunNode {
  readonly runs: RunManager;
  /** What it has told everyone in the sessions of its runs, in order. */
  readonly said: ServerMessage[];
  /** Puts the message into the store, and takes its run on where it is this node's. */
  post(append: AppendMessage): Promise<MessageOutcome>;
}

/** What executes runs, and nothing else of a node. `started` by the test, and drained by it. */
export async function runNode(
  store: Store,
  agent: Agent,
  leaseMs?: number,
  onPublish: (message: ServerMessage) => void = () => {},
): Promise<RunNode> {
  const said: ServerMessage[] = [];
  const runs = new RunManager({
    node: randomUUID(),
    executes: true,
    store,
    queue: new LocalRunQueue({ maxRunning: 1_000 }),
    agents: new AgentRegistry([agent], agent.name),
    publish: (_incarnation, message) => {
      said.push(message);
      onPublish(message);
    },
    withdraw: () => {},
    metrics: { ofAgent: () => new AgentMetrics() },
    log: await createLogger({ level: 'silent', pretty: false }),
    runTimeout: 60_000,
    maxAnswerLength: 1_000_000,
    ...(leaseMs === undefined ? {} : { leaseMs }),
  });
  return {
    runs,
    said,
    async post(append) {
      const run = { ...append.run, agent: agent.name, node: runs.node };
      const outcome = await store.appendMessage({ ...append, run });
      if (outcome.outcome === 'appended' && outcome.node === runs.node) {
        const { runId, answerId } = run;
        const { incarnation } = append;
        const spec = { runId, incarnation, answerId, agent, attempt: 1, audience: [] };
        const event = { ...append.event, seq: outcome.seq };
        if (!runs.submit(event, spec, outcome.before)) await runs.takeUpInOrder(spec);
      }
      return outcome;
    },
  };
}

/** Two people in one session, each on a node of their own, and how either of them says something. */
export async function meet(
  one: { readonly ws: string },
  two: { readonly ws: string },
  invite: (sessionId: string) => Promise<unknown> = async () => {},
) {
  const alice = await TestSocket.open(one.ws);
  const sessionId = await alice.create();
  await invite(sessionId);
  const bob = await TestSocket.open(two.ws);
  bob.send({ type: 'session_join', session_id: sessionId });
  await bob.next('session_status');
  /** Its words are its id. */
  const post = (client: TestSocket, id: string, data: Record<string, unknown> = {}) =>
    client.send({
      type: 'chat_message',
      message_id: id,
      session_id: sessionId,
      data: { content: id, ...data },
    });
  return { alice, bob, sessionId, post };
}

interface NodesOptions {
  /** What the bus between them loses. */
  readonly loses?: (notice: Notice) => boolean;
  readonly leaseMs?: number;
  /** Who is on the second node was invited by who is on the first; else they are one person. */
  readonly invited?: boolean;
  readonly agents?: readonly Agent[];
}

/** Two nodes of one process over one store, and two people who meet on them. The agent is a puppet. */
export async function twoNodes({
  loses = () => false,
  invited = false,
  agents = [],
  ...options
}: NodesOptions = {}) {
  const store = new SharedStore();
  const exchange = new MemoryExchange();
  const { agent, next } = puppet();
  const start = async (id: string) => {
    const bus = exchange.node();
    onTestFinished(() => bus.close());
    return startComposed({
      agents: [agent, ...agents],
      keptIn: store,
      bus: lossy(bus, loses),
      ...(invited ? { authenticate: () => ({ id }) } : {}),
      ...options,
    });
  };
  const [one, two] = [await start('alice'), await start('bob')];
  const invite = async (sessionId: string) => {
    const session = await store.getSession(sessionId);
    if (invited && session)
      await store.addMember(sessionId, 'bob', 'write', session.invitationEpoch);
  };
  return { store, one, two, next, ...(await meet(one, two, invite)) };
}
