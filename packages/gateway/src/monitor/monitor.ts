/** What administrators see and do, on whatever node it is. */
import { ProtocolError } from '@parley/protocol';
import type { Connection } from '../connections/connection.ts';
import {
  type ConnectionPage,
  type ConnectionQuery,
  cutConnection,
  listConnections,
} from '../connections/connection-list.ts';
import type { Logger } from '../log.ts';
import type { Calls } from '../sessions/calls.ts';
import type { HeardReport, NodeReport } from './report.ts';
import { RollCall } from './roll-call.ts';

export interface MonitorDeps {
  readonly calls: Calls;
  readonly state: () => NodeReport['state'];
  readonly report: () => Promise<Omit<NodeReport, 'state'>>;
  readonly connections: { all(): Iterable<Connection> };
  /** See `Gateway.drain`. */
  readonly drain: () => Promise<void>;
  readonly log: Logger;
}

/** A node asks all others twice before it goes, each time for up to 1.5 s, milliseconds. */
const DRAIN_PATIENCE_MS = 5_000;
/** Whoever asked a node to drain has its answer by then, milliseconds. */
const DRAIN_DELAY_MS = 100;
const CONNECTIONS = 'connections';
const CUT = 'cut';
const DRAIN = 'drain';

export class Monitor {
  readonly #deps: MonitorDeps;
  readonly #rollCall: RollCall;
  /** Set from when this node asks whether it may go, and not any more where it may not. */
  #asksToGo: Promise<void> | undefined;
  #isGoing = false;

  constructor(deps: MonitorDeps) {
    const { calls } = deps;
    this.#deps = deps;
    this.#rollCall = new RollCall(calls, async () => {
      const report = await deps.report();
      // Read last: it may have changed meanwhile.
      return { ...report, state: this.#asksToGo || this.#isGoing ? 'draining' : deps.state() };
    });
    calls.answer(CONNECTIONS, async (query) => ({ ...this.#list(query as never) }));
    calls.answer(CUT, async ({ id, by }) => ({ isCut: this.#cut(String(id), String(by)) }));
    calls.answer(DRAIN, async ({ by, force }) => {
      try {
        await this.#drain(String(by), force === true);
        return {};
      } catch (error) {
        if (error instanceof ProtocolError) return { refusal: error.message };
        throw error;
      }
    });
  }

  get node(): string {
    return this.#deps.calls.node;
  }

  /** Tells all others that this node is there, and hears of them: from then on it is noticed who is silent. */
  async join(): Promise<void> {
    await this.#deps.calls.ready;
    await this.#rollCall.ask();
  }

  /** Tells all others that this node drains, or ends. */
  leave(): void {
    this.#rollCall.leave();
  }

  /** The reports of all nodes, this one's first; takes 1.5 s where one is silent. */
  nodes(): Promise<readonly HeardReport[]> {
    return this.#rollCall.ask();
  }

  /**
   * A page of the connections of a node.
   *
   * @throws {ProtocolError} `NODE_NOT_FOUND`
   */
  async connections(node: string, query: ConnectionQuery): Promise<ConnectionPage> {
    if (node === this.node) return this.#list(query);
    const answer = await this.#deps.calls.ask(node, CONNECTIONS, { ...query });
    if (!answer) throw nodeNotFound(node);
    return answer as unknown as ConnectionPage;
  }

  /**
   * Ends a connection, on whatever node it is, with a code that lets it come back; returns that node.
   *
   * @param by who has said so, for the log
   * @throws {ProtocolError} `CONNECTION_NOT_FOUND`
   */
  async cut(id: string, by: string): Promise<string> {
    if (this.#cut(id, by)) return this.node;
    let found: string | undefined;
    await this.#rollCall.until(CUT, { id, by }, ({ isCut }, node) => {
      if (isCut === true) found = node;
      return found !== undefined;
    });
    if (found !== undefined) return found;
    throw new ProtocolError(
      'CONNECTION_NOT_FOUND',
      `No connection ${id} is open: it has ended, or its node cannot be reached.`,
    );
  }

  /**
   * Lets a node finish and end, see `Gateway.drain`; one that does so already goes on with it.
   *
   * @param force also where no other node takes connections, or executes runs, as this one does
   * @param by who has said so, for the log
   * @throws {ProtocolError} `NODE_NOT_FOUND`, `LAST_NODE`
   */
  async drain(node: string, { force, by }: { force: boolean; by: string }): Promise<void> {
    if (node === this.node) return this.#drain(by, force);
    const answer = await this.#deps.calls.ask(node, DRAIN, { by, force }, DRAIN_PATIENCE_MS);
    if (!answer) throw nodeNotFound(node);
    if (typeof answer.refusal === 'string') throw new ProtocolError('LAST_NODE', answer.refusal);
  }

  #list(query: ConnectionQuery): ConnectionPage {
    return listConnections(this.#deps.connections.all(), query);
  }

  #cut(id: string, by: string): boolean {
    const { connections, log } = this.#deps;
    const isCut = cutConnection(connections.all(), id);
    if (isCut) log.info({ connection_id: id, by }, 'an administrator cut a connection');
    return isCut;
  }

  async #drain(by: string, force: boolean): Promise<void> {
    const { drain, log, state } = this.#deps;
    if (!force && !this.#isGoing && state() === 'serving') {
      this.#asksToGo ??= this.#askToGo();
      await this.#asksToGo;
    }
    // One that goes already goes on with it.
    if (this.#isGoing || state() === 'draining') return;
    this.#isGoing = true;
    log.info({ by }, 'an administrator drains this node');
    setTimeout(() => {
      drain().catch((error) => log.error({ err: error }, 'the node was not drained'));
    }, DRAIN_DELAY_MS);
  }

  /**
   * Says that it goes before it asks who stays: of nodes that are told to go at the same moment the last one hears of it,
   * and stays. Where it may, it says so from then on.
   *
   * @throws {ProtocolError} `LAST_NODE`
   */
  async #askToGo(): Promise<void> {
    try {
      // The first may have begun before this node had said so, for somebody else.
      await this.#rollCall.ask();
      const [own, ...others] = await this.#rollCall.ask();
      needOthers(own as HeardReport, others);
    } catch (error) {
      this.#asksToGo = undefined;
      throw error;
    }
  }
}

/** @throws {ProtocolError} `LAST_NODE` */
function needOthers(target: HeardReport, all: readonly HeardReport[]): void {
  const others = all.filter(({ state }) => state === 'serving');
  for (const [role, work] of [
    ['worker', 'takes connections'],
    ['gateway', 'executes runs'],
  ] as const) {
    if (target.role === role || others.some((other) => other.role !== role)) continue;
    throw new ProtocolError(
      'LAST_NODE',
      `No other node ${work}. Start another one first, or ask with force if you mean to end the service.`,
    );
  }
}

function nodeNotFound(node: string): ProtocolError {
  return new ProtocolError(
    'NODE_NOT_FOUND',
    `No node ${node} answers: it has ended, or cannot be reached. GET /api/monitor lists those that there are.`,
  );
}
