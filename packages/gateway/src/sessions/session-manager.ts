/** What people do with sessions, whatever way they came: every operation of the wire and of HTTP. */
import { randomInt } from 'node:crypto';
import { type ClientMessageOf, createMessage, ProtocolError } from '@parley/protocol';
import { authorize, isStranger, type Operation } from '../auth/access.ts';
import { type Principal, sessionNotFound } from '../auth/principal.ts';
import { randomId } from '../random-id.ts';
import type { Run } from '../runs/run.ts';
import type { SearchHit, SessionListPage, SessionPage, SessionRecord } from '../stores/store.ts';
import { Members } from './members.ts';
import { Posting, type PostingDeps, type PostingLimits } from './posting.ts';
import { SessionRecords } from './session-records.ts';
import { audienceOf } from './session-status.ts';
import { stopElsewhere } from './stop-elsewhere.ts';
import {
  type JoinPosition,
  type Peer,
  type RunningAnswer,
  Subscription,
  type SubscriptionDeps,
} from './subscription.ts';
import type { Watcher } from './watchers.ts';

export interface SessionManagerDeps extends PostingDeps {
  readonly limits: SessionLimits;
}

interface SessionLimits extends PostingLimits {
  /** Sessions that one person may have; 0 is no limit. */
  readonly maxSessionsPerPerson: number;
}

/** The most that `randomInt` takes: nobody hits on the same one again. */
const FIRST_EPOCHS = 2 ** 48 - 1;

/** For so long it is said once that an administrator sees a session of others, milliseconds, */
const SEEN_MS = 600_000;
/** of so many at the most: the oldest is forgotten, and said again. */
const MAX_SEEN = 1_000;

/** A decision, as one node hands it to another. */
interface Decided {
  readonly incarnation: string;
  readonly approvalId: string;
  readonly decision: { readonly approved: boolean; readonly reason?: string };
  readonly decidedBy: string;
}

export class SessionManager {
  /** What is said in sessions. */
  readonly posting: Posting;
  /** Who else is in them. */
  readonly members: Members;
  readonly #deps: SessionManagerDeps;
  readonly #records: SessionRecords;
  /** What all who follow a session need. */
  readonly #following: SubscriptionDeps;
  /** Who saw which session of others as an administrator, and when that was said last, milliseconds. */
  readonly #seen = new Map<string, number>();

  constructor(deps: SessionManagerDeps) {
    this.#deps = deps;
    const { store, hub, runs } = deps;
    this.#following = {
      store,
      hub,
      running: ({ record, answer }) =>
        newer(runningAnswer(runs.running(record.incarnation)), answer),
      waiting: (session, found) => runs.waiting(session, found),
    };
    this.#records = new SessionRecords(deps.store, deps.hub);
    this.posting = new Posting(deps, this.#records);
    this.members = new Members(deps, this.#records);
    deps.hub.calls.answer('decision', async (made) => ({
      decided: await this.#decideHere(made as unknown as Decided).catch(() => false),
    }));
  }

  /**
   * Creates a session; with an `id` that exists already, returns that one to who may write in it.
   *
   * @throws {ProtocolError} `SESSION_LIMIT`, `AGENT_NOT_FOUND`, `SESSION_NOT_FOUND`, `FORBIDDEN`
   */
  async create(
    principal: Principal,
    options: { id?: string | undefined; title?: string | undefined; agent?: string | undefined },
  ): Promise<SessionRecord> {
    const { agents, store, limits, hub } = this.#deps;
    const id = options.id ?? randomId();
    const limit = limits.maxSessionsPerPerson;
    const { session, created } = await store.createSession(
      {
        id,
        incarnation: randomId(),
        owner: principal.id,
        title: options.title ?? null,
        agent: agents.need(options.agent ?? agents.defaultName).name,
        createdAt: Date.now(),
        invitationEpoch: randomInt(FIRST_EPOCHS),
      },
      limit === 0 ? undefined : limit,
    );
    if (!session) {
      throw new ProtocolError(
        'SESSION_LIMIT',
        `You have ${limit} sessions, as many as may be. Delete one first.`,
        { limit },
      );
    }
    authorize(principal, session, 'write', session.id);
    // Nobody follows it yet.
    if (created) hub.tellLists(session.id, audienceOf(session));
    return session;
  }

  /** @throws {ProtocolError} `SESSION_NOT_FOUND`, as every method that names a session. */
  get(principal: Principal, id: string, operation: Operation): Promise<SessionRecord> {
    return this.#records.get(principal, id, operation);
  }

  /** Tells of every session of the principal's that changes, until the returned function is called. */
  watch(principal: Principal, watcher: Watcher): () => void {
    return this.#deps.hub.watch(principal.id, watcher);
  }

  /** Of the principal's sessions those behind the page before, whose `next` is `after`. */
  list(
    principal: Principal,
    page: { after?: string | undefined; limit: number },
  ): Promise<SessionListPage> {
    return this.#deps.store.listSessions({ person: principal.id, ...page });
  }

  search(principal: Principal, text: string, limit: number): Promise<readonly SearchHit[]> {
    return this.#deps.store.search({ person: principal.id, text, limit });
  }

  /** A page of the log, oldest first. */
  async read(
    principal: Principal,
    id: string,
    read: { after?: number; before?: number; limit: number },
  ): Promise<SessionPage> {
    const page = await this.#deps.store.readSession(id, read);
    authorize(principal, page?.session, 'read', id);
    this.#noteStranger(principal, page.session);
    return page;
  }

  async join(
    principal: Principal,
    id: string,
    peer: Peer,
    position: JoinPosition,
  ): Promise<Subscription> {
    const record = await this.get(principal, id, 'read');
    // Before they see any of it, however that ends.
    this.#noteStranger(principal, record);
    const subscription = await Subscription.join(record, peer, this.#following, position);
    if (!subscription) throw sessionNotFound(id);
    return subscription;
  }

  /** Whoever sees what others have said is named in the log, once while they go on. */
  #noteStranger(principal: Principal, record: SessionRecord): void {
    if (!isStranger(principal, record)) return;
    const [seen, now] = [`${record.incarnation} ${principal.id}`, performance.now()];
    if (now - (this.#seen.get(seen) ?? -Infinity) < SEEN_MS) return;
    this.#seen.delete(seen);
    this.#seen.set(seen, now);
    if (this.#seen.size > MAX_SEEN) this.#seen.delete(this.#seen.keys().next().value as string);
    const ids = { session_id: record.id, by: principal.id };
    this.#deps.log.info(ids, 'an administrator saw a session');
  }

  /** Renames, or gives the session another agent, and tells everyone in it. */
  async update(
    principal: Principal,
    id: string,
    patch: { title?: string | undefined; agent?: string | undefined },
  ): Promise<SessionRecord> {
    const record = await this.get(principal, id, 'manage');
    const updated = await this.#deps.store.updateSession(record, {
      ...(patch.title === undefined ? {} : { title: patch.title }),
      ...(patch.agent === undefined ? {} : { agent: this.#deps.agents.need(patch.agent).name }),
    });
    if (!updated) throw sessionNotFound(id);
    this.#records.changed(updated);
    return updated;
  }

  async delete(principal: Principal, id: string): Promise<void> {
    const record = await this.get(principal, id, 'manage');
    // Where this fails, the session and its runs go on: a run given up before would have no end.
    const { store, hub, runs } = this.#deps;
    const deleted = await store.deleteSession(record);
    if (!deleted) throw sessionNotFound(id);
    runs.abandon(record.incarnation);
    // It finds its runs no more, and gives them up.
    if (deleted.node !== '' && deleted.node !== runs.node) hub.calls.wake(deleted.node);
    hub.end(record.incarnation, 'deleted', record);
  }

  /**
   * Stops one run, or all of the session and those of messages that are still on their way to the
   * disk. No agent says anything more once this has returned; it resolves when the ends are on disk,
   * with the runs that it ended.
   */
  async cancel(principal: Principal, sessionId: string, runId?: string): Promise<string[]> {
    // Before anything is waited for, where it can be: what comes later is not what this is about.
    const record =
      this.#records.known(principal, sessionId, 'write') ??
      (await this.#records.get(principal, sessionId, 'write'));
    const { incarnation } = record;
    const { runs, store } = this.#deps;
    const stopOthers = () => {
      const stop = { sender: principal.id, asAdmin: principal.isAdmin === true, runId };
      return stopElsewhere(this.#deps, record, stop, () =>
        this.#records.read(principal, sessionId, 'write'),
      );
    };
    if (runId === undefined) {
      const ended = await Promise.all([
        runs.cancelAll(incarnation),
        store.isShared ? stopOthers() : undefined,
      ]);
      // The store may name what was stopped here.
      return [...new Set(ended.flatMap((ids) => ids ?? []))];
    }
    let cancelled = await runs.cancel(incarnation, runId);
    // It is another node's, or was taken over by one before this one knew.
    if (store.isShared && !cancelled?.includes(runId)) {
      cancelled = (await stopOthers()) ?? cancelled;
    }
    if (!cancelled) {
      throw new ProtocolError(
        'RUN_NOT_FOUND',
        `No run ${runId} is waiting or running in this session. It may have ended already.`,
      );
    }
    return cancelled;
  }

  async decide(
    principal: Principal,
    sessionId: string,
    decision: ClientMessageOf<'approval_response'>['data'],
  ): Promise<void> {
    const { incarnation } = await this.#records.read(principal, sessionId, 'write');
    const { approval_id, approved, reason } = decision;
    const made: Decided = {
      incarnation,
      approvalId: approval_id,
      decision: { approved, ...(reason === undefined ? {} : { reason }) },
      decidedBy: principal.id,
    };
    const decided = (await this.#decideHere(made)) || (await this.#decideElsewhere(made));
    if (!decided) {
      throw new ProtocolError(
        'APPROVAL_NOT_FOUND',
        `No approval ${approval_id} is open in this session. Somebody may have decided already.`,
      );
    }
  }

  #decideHere({ incarnation, approvalId, decision, decidedBy }: Decided): Promise<boolean> {
    return this.#deps.runs.decide(incarnation, approvalId, decision, decidedBy);
  }

  /** Where another node has the run that asks. */
  async #decideElsewhere(made: Decided): Promise<boolean> {
    const { store, hub, runs } = this.#deps;
    if (!store.isShared) return false;
    const run = (await store.unfinishedRuns()).find((one) => one.incarnation === made.incarnation);
    if (!run || run.node === runs.node) return false;
    const answer = await hub.calls.ask(run.node, 'decision', { ...made });
    if (answer) return answer.decided === true;
    throw new ProtocolError(
      'INTERRUPTED',
      'The node that writes this answer cannot be reached. Decide again in a moment.',
    );
  }

  /** Tells the others in a session that the connection is in. */
  typing(principal: Principal, sessionId: string, isTyping: boolean, connectionId: string): void {
    const record = this.#deps.hub.get(sessionId)?.record;
    authorize(principal, record, 'write', sessionId);
    this.#deps.hub.publish(
      record.incarnation,
      createMessage(
        'typing',
        { sender: principal.id, is_typing: isTyping },
        { session_id: sessionId },
      ),
      { origin: connectionId },
    );
  }
}

/** Of a run that another node has taken over this node has an answer still. */
function newer(
  own: RunningAnswer | undefined,
  remote: RunningAnswer | undefined,
): RunningAnswer | undefined {
  if (!own || !remote) return own ?? remote;
  return own.runId === remote.runId && remote.attempt > own.attempt ? remote : own;
}

function runningAnswer(run: Run | undefined): RunningAnswer | undefined {
  if (!run) return undefined;
  const { runId, attempt, answerId, replyTo, agent } = run.spec;
  return { runId, attempt, answerId, replyTo, agent: agent.name, text: run.text, isOwn: true };
}
