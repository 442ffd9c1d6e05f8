/** What people do with sessions, whatever way they came: every operation of the wire and of HTTP. */
import { randomUUID } from 'node:crypto';
import {
  type ClientMessageOf,
  createMessage,
  ProtocolError,
  type SessionEventOf,
} from '@parley/protocol';
import type { Agent } from '../agents/agent.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import {
  accessOf,
  authorize,
  type Invitation,
  noInvitation,
  type Operation,
} from '../auth/access.ts';
import { type Principal, sessionNotFound } from '../auth/principal.ts';
import type { Logger } from '../log.ts';
import type { Run } from '../runs/run.ts';
import type { RunManager, Turn } from '../runs/run-manager.ts';
import {
  type MessageOutcome,
  type NoRepetition,
  type SearchHit,
  type SessionPage,
  type SessionRecord,
  STORE_LIMITS,
  type Store,
} from '../stores/store.ts';
import { Tally } from '../tally.ts';
import { waitForAnswer } from './answer.ts';
import { Arrivals } from './arrivals.ts';
import type { Hub } from './hub.ts';
import { acknowledgement, newMessage } from './message.ts';
import { audienceOf, sessionStatus } from './session-status.ts';
import { type JoinPosition, type Peer, type RunningAnswer, Subscription } from './subscription.ts';
import type { Watcher } from './watchers.ts';

export interface SessionManagerDeps {
  readonly store: Store;
  readonly hub: Hub;
  readonly runs: RunManager;
  readonly agents: AgentRegistry;
  readonly log: Logger;
  readonly limits: SessionLimits;
}

interface SessionLimits {
  /** Messages that may wait in one session. */
  readonly maxQueuedRuns: number;
  /** Sessions that one person may have; 0 is no limit. */
  readonly maxSessionsPerPerson: number;
  /** Answers of one person that are written or wait; 0 is no limit. */
  readonly maxRunsPerPerson: number;
}

/** The connection that posts, where there is one. */
export interface Poster {
  readonly connectionId: string;
  /** Told in the order of the log, before anyone else hears of the message. */
  readonly acknowledge: (text: string) => void;
}

export class SessionManager {
  readonly #deps: SessionManagerDeps;
  readonly #arrivals = new Arrivals();
  /** Messages on their way to the disk, by person: each is a run soon. */
  readonly #posting = new Tally();

  constructor(deps: SessionManagerDeps) {
    this.#deps = deps;
  }

  /**
   * Creates a session; with an `id` that exists already and is the principal's, returns that one.
   *
   * @throws {ProtocolError} `SESSION_LIMIT`
   */
  async create(
    principal: Principal,
    options: { id?: string | undefined; title?: string | undefined; agent?: string | undefined },
  ): Promise<SessionRecord> {
    const { agents, store, limits } = this.#deps;
    const id = options.id ?? randomUUID();
    const limit = limits.maxSessionsPerPerson;
    const { session, created } = await store.createSession(
      {
        id,
        owner: principal.id,
        title: options.title ?? null,
        agent: this.#agent(options.agent ?? agents.defaultName).name,
        createdAt: Date.now(),
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
    if (created) this.#changed(session);
    return session;
  }

  /** @throws {ProtocolError} `SESSION_NOT_FOUND`, as every method that names a session. */
  async get(principal: Principal, id: string, operation: Operation): Promise<SessionRecord> {
    const record = this.#deps.hub.get(id)?.record ?? (await this.#deps.store.getSession(id));
    authorize(principal, record, operation, id);
    return record;
  }

  /** Tells of every session of the principal's that changes, until the returned function is called. */
  watch(principal: Principal, watcher: Watcher): () => void {
    return this.#deps.hub.watch(principal.id, watcher);
  }

  list(principal: Principal, page: { offset: number; limit: number }) {
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
    return page;
  }

  async join(
    principal: Principal,
    id: string,
    peer: Peer,
    position: JoinPosition,
    onEnded: (sessionId: string) => void,
  ): Promise<Subscription> {
    const { store, hub, runs } = this.#deps;
    const record = await this.get(principal, id, 'read');
    const subscription = await Subscription.join(
      record,
      peer,
      {
        store,
        hub,
        running: (sessionId) => runningAnswer(runs.running(sessionId)),
        waiting: (sessionId) => runs.waiting(sessionId),
        onEnded,
      },
      position,
    );
    if (!subscription) throw sessionNotFound(id);
    return subscription;
  }

  /** Renames, or gives the session another agent, and tells everyone in it. */
  async update(
    principal: Principal,
    id: string,
    patch: { title?: string | undefined; agent?: string | undefined },
  ): Promise<SessionRecord> {
    await this.get(principal, id, 'manage');
    const updated = await this.#deps.store.updateSession(id, {
      ...(patch.title === undefined ? {} : { title: patch.title }),
      ...(patch.agent === undefined ? {} : { agent: this.#agent(patch.agent).name }),
    });
    if (!updated) throw sessionNotFound(id);
    this.#changed(updated);
    return updated;
  }

  async delete(principal: Principal, id: string): Promise<void> {
    const record = await this.get(principal, id, 'manage');
    // Where this fails, the session and its runs go on: a run given up before would have no end.
    if (!(await this.#deps.store.deleteSession(id))) throw sessionNotFound(id);
    this.#deps.runs.abandon(id);
    this.#deps.hub.end(id, 'deleted', record);
  }

  /**
   * Makes somebody a member, or gives a member more; never less than they may already.
   *
   * @throws {ProtocolError} `SESSION_NOT_FOUND`; `FORBIDDEN` where the invitation was withdrawn.
   */
  async admit(principal: Principal, invitation: Invitation): Promise<SessionRecord> {
    const { store } = this.#deps;
    const { sessionId: id, access } = invitation;
    const record = await store.getSession(id);
    if (!record) throw sessionNotFound(id);
    if (record.withdrawals !== invitation.withdrawals) throw noInvitation();
    const may = accessOf(principal, record);
    if (may === 'manage' || may === 'write' || may === access) return record;
    const updated = await store.setMember(id, principal.id, access).catch((error) => {
      if (!(error instanceof RangeError)) throw error;
      throw new ProtocolError('FORBIDDEN', error.message, { limit: STORE_LIMITS.members });
    });
    if (!updated) throw sessionNotFound(id);
    this.#changed(updated);
    return updated;
  }

  /** What was given out so far lets nobody in any more. */
  async withdrawInvitations(principal: Principal, id: string): Promise<void> {
    await this.get(principal, id, 'manage');
    const updated = await this.#deps.store.withdrawInvitations(id);
    if (!updated) throw sessionNotFound(id);
    this.#changed(updated);
  }

  /**
   * Takes a member out, who does not come back by an invitation that was given out before; anybody may
   * take out themselves.
   */
  async expel(principal: Principal, id: string, person: string): Promise<void> {
    const isOneself = principal.id === person;
    const record = await this.get(principal, id, isOneself ? 'read' : 'manage');
    if (!isOneself) await this.withdrawInvitations(principal, id);
    const updated = await this.#deps.store.setMember(id, person, null);
    if (!updated) throw sessionNotFound(id);
    if (!Object.hasOwn(record.members, person)) return;
    // First the record: what they do from now on is refused.
    this.#changed(updated);
    this.#deps.hub.expel(updated, person);
  }

  /**
   * Puts a message on disk, acknowledges it and starts the run that answers it (R2, R3). Where the
   * session is followed and nothing is replaced, the append is handed to the store before the first
   * `await`, so that messages posted one after the other keep their order.
   *
   * Resolves with whether its run waits; `repeats` is the `seq` of the message that this one repeats.
   */
  async post(
    principal: Principal,
    sessionId: string,
    message: Pick<ClientMessageOf<'chat_message'>, 'message_id' | 'data'>,
    poster?: Poster,
  ): Promise<Turn & { runId: string; repeats?: number }> {
    const { hub, runs, store } = this.#deps;
    const live = hub.get(sessionId)?.record;
    if (live) authorize(principal, live, 'write', sessionId);
    const record = live ?? (await this.get(principal, sessionId, 'write'));
    const { data } = message;
    const agent = data.agent_name ?? record.agent;
    const messageId = message.message_id ?? randomUUID();
    const refusal =
      this.#refusal(principal, sessionId, agent, messageId) ??
      (data.replaces ? await this.#misplaced(principal, sessionId, data.replaces) : undefined);
    const run = { runId: randomUUID(), answerId: randomUUID(), agent };
    const append = newMessage(principal, sessionId, messageId, data, run);
    const arrival = this.#arrivals.add(sessionId, messageId);
    this.#posting.add(principal.id);
    let result: MessageOutcome | NoRepetition;
    try {
      // The store's own promise: with one more step between, an event of a run that is committed
      // together with this message would be told first, though its `seq` is higher.
      // A message that was accepted once is acknowledged again, whatever would be said to it today.
      result = await (refusal ? store.repeatMessage(append) : store.appendMessage(append));
    } catch (error) {
      arrival.settle([]);
      throw error;
    } finally {
      this.#arrivals.land(sessionId, arrival);
      this.#posting.remove(principal.id);
    }
    if (result.outcome !== 'appended') arrival.settle([]);
    switch (result.outcome) {
      case 'appended': {
        const event: SessionEventOf<'chat_message'> = { ...append.event, seq: result.seq };
        poster?.acknowledge(acknowledgement(event, run.runId));
        const audience = audienceOf(record);
        hub.publish(event, { origin: poster?.connectionId, audience });
        this.#noteActivity(event, append.title);
        const { stopped } = arrival;
        const spec = { ...run, agent: this.#agent(agent), attempt: 1, audience };
        const turn = runs.submit(event, spec, { stopped });
        arrival.settle(stopped ? runs.cancel(sessionId, run.runId).then((ids) => ids ?? []) : []);
        if (data.replaces !== undefined) this.#supersede(sessionId);
        return { ...turn, runId: run.runId };
      }
      case 'duplicate':
        poster?.acknowledge(acknowledgement({ ...append.event, ...result }, result.runId));
        if (!runs.settled(sessionId, result.runId)) {
          await runs.adopt(sessionId, result.runId, (event) =>
            hub.publish(event, { origin: poster?.connectionId, audience: audienceOf(record) }),
          );
        }
        return { waits: false, position: 0, runId: result.runId, repeats: result.seq };
      case 'new':
        throw refusal;
      case 'conflict':
        throw new ProtocolError(
          'MESSAGE_CONFLICT',
          `message_id ${messageId} was used in this session for another message. Send this one with a new id.`,
        );
      case 'session_not_found':
        throw sessionNotFound(sessionId);
    }
  }

  /**
   * Refuses what `post` would refuse now, for whom something comes before it. Without a `sessionId` it
   * is for a session that is still to be made.
   */
  async check(
    principal: Principal,
    sessionId: string | undefined,
    message: Pick<ClientMessageOf<'chat_message'>, 'message_id' | 'data'>,
  ): Promise<void> {
    const { message_id: messageId = '', data } = message;
    const record =
      sessionId === undefined ? undefined : await this.get(principal, sessionId, 'write');
    const agent = data.agent_name ?? record?.agent ?? this.#deps.agents.defaultName;
    const id = record?.id ?? '';
    const refusal =
      this.#refusal(principal, id, agent, messageId) ??
      (data.replaces ? await this.#misplaced(principal, id, data.replaces) : undefined);
    if (!refusal) return;
    const run = { runId: '', answerId: '', agent };
    const append = newMessage(principal, id, messageId, data, run);
    const { outcome } = await this.#deps.store.repeatMessage(append);
    if (outcome === 'new' || outcome === 'session_not_found') throw refusal;
  }

  /**
   * Stops one run, or all of the session and those of messages that are still on their way to the
   * disk. No agent says anything more once this has returned; it resolves when the ends are on disk,
   * with the runs that it ended.
   */
  async cancel(principal: Principal, sessionId: string, runId?: string): Promise<string[]> {
    await this.get(principal, sessionId, 'write');
    const { runs } = this.#deps;
    if (runId === undefined) {
      const ended = await Promise.all([runs.cancelAll(sessionId), this.#arrivals.stop(sessionId)]);
      return ended.flat();
    }
    const cancelled = await runs.cancel(sessionId, runId);
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
    await this.get(principal, sessionId, 'write');
    const { approval_id, approved, reason } = decision;
    const decided = await this.#deps.runs.decide(
      sessionId,
      approval_id,
      { approved, ...(reason === undefined ? {} : { reason }) },
      principal.id,
    );
    if (!decided) {
      throw new ProtocolError(
        'APPROVAL_NOT_FOUND',
        `No approval ${approval_id} is open in this session. Somebody may have decided already.`,
      );
    }
  }

  /** Tells the others in a session that the connection is in. */
  typing(principal: Principal, sessionId: string, isTyping: boolean, connectionId: string): void {
    authorize(principal, this.#deps.hub.get(sessionId)?.record, 'write', sessionId);
    this.#deps.hub.publish(
      createMessage(
        'typing',
        { sender: principal.id, is_typing: isTyping },
        { session_id: sessionId },
      ),
      { origin: connectionId },
    );
  }

  /** Posts a message and waits for the end of its run. Stopping to wait does not stop the run (R4). */
  ask(
    principal: Principal,
    sessionId: string,
    message: Pick<ClientMessageOf<'chat_message'>, 'message_id' | 'data'>,
    signal: AbortSignal,
  ): Promise<SessionEventOf<'agent_response'>> {
    return waitForAnswer(this.#deps, sessionId, signal, {
      enter: () => this.get(principal, sessionId, 'write'),
      post: () => this.post(principal, sessionId, message),
    });
  }

  #agent(name: string): Agent {
    const agent = this.#deps.agents.get(name);
    if (!agent) throw this.#agentNotFound(name);
    return agent;
  }

  #agentNotFound(name: string): ProtocolError {
    const known = this.#deps.agents.list().map((agent) => agent.name);
    return new ProtocolError('AGENT_NOT_FOUND', `There is no agent ${JSON.stringify(name)}.`, {
      details: `Known agents: ${known.join(', ')}`,
    });
  }

  /** Stops the answers that are not shown any more; nobody waits for that. */
  #supersede(sessionId: string): void {
    const { runs, log } = this.#deps;
    runs.supersede(sessionId).catch((error) => {
      log.error({ err: error, session_id: sessionId }, 'replaced answers were not stopped');
    });
  }

  /** Why a new message for this agent is not taken now, if it is not. */
  #refusal(
    principal: Principal,
    sessionId: string,
    agent: string,
    messageId: string,
  ): ProtocolError | undefined {
    const { agents, limits, runs } = this.#deps;
    if (!agents.get(agent)) return this.#agentNotFound(agent);
    // On its way to the disk already: the store says whether this is a repetition or a conflict.
    if (this.#arrivals.has(sessionId, messageId)) return undefined;
    if (runs.waitingCount(sessionId, this.#arrivals.count(sessionId)) >= limits.maxQueuedRuns) {
      return queueFull(limits.maxQueuedRuns, 'messages wait in this session');
    }
    const { maxRunsPerPerson: limit } = limits;
    const asked = runs.countOf(principal.id) + this.#posting.of(principal.id);
    if (limit === 0 || asked < limit) return undefined;
    return queueFull(limit, 'answers to you are being written or wait');
  }

  /** Why this message cannot be replaced: what can is an earlier one of the same person. */
  async #misplaced(
    principal: Principal,
    sessionId: string,
    messageId: string,
  ): Promise<ProtocolError | undefined> {
    const event = await this.#deps.store.getEvent(sessionId, messageId);
    if (event?.type === 'chat_message' && event.data.sender === principal.id) return undefined;
    return new ProtocolError(
      'INVALID_MESSAGE',
      'data.replaces: expected the message_id of an earlier message of yours in this session.',
    );
  }

  /** Keeps what this node remembers of the session true, and tells of a title that was made. */
  #noteActivity(event: SessionEventOf<'chat_message'>, title: string): void {
    const live = this.#deps.hub.get(event.session_id);
    if (live?.record.title !== null) return;
    this.#changed({
      ...live.record,
      title,
      messageCount: live.record.messageCount + 1,
      lastActivity: Date.parse(event.timestamp),
      lastSeq: event.seq,
    });
  }

  #changed(record: SessionRecord): void {
    const live = this.#deps.hub.get(record.id);
    live?.change(record);
    this.#deps.hub.publish(sessionStatus(record, 'active'), {
      audience: audienceOf(record),
    });
  }
}

function queueFull(limit: number, what: string): ProtocolError {
  return new ProtocolError(
    'QUEUE_FULL',
    `${limit} ${what}, as many as may. Send it again when an answer has ended.`,
    { limit, retry_after_ms: 1_000 },
  );
}

function runningAnswer(run: Run | undefined): RunningAnswer | undefined {
  if (!run) return undefined;
  const { runId, attempt, answerId, replyTo, agent } = run.spec;
  return { runId, attempt, answerId, replyTo, agent: agent.name, text: run.text };
}
