/** What is said in a session: the way of a message into the log, and what starts the run that answers it. */
import { type ClientMessageOf, ProtocolError, type SessionEventOf } from '@parley/protocol';
import type { AgentRegistry } from '../agents/registry.ts';
import { type Principal, sessionNotFound } from '../auth/principal.ts';
import type { Logger } from '../log.ts';
import { Outage } from '../outage.ts';
import { randomId } from '../random-id.ts';
import type { Arrival } from '../runs/arrivals.ts';
import type { RunManager, Turn } from '../runs/run-manager.ts';
import type {
  AppendMessage,
  MessageOutcome,
  MostRuns,
  NoRepetition,
  SessionIdentity,
  SessionRecord,
  Store,
} from '../stores/store.ts';
import type { TraceContext } from '../traces.ts';
import { waitForAnswer } from './answer.ts';
import type { Hub } from './hub.ts';
import { acknowledgement, newMessage } from './message.ts';
import type { SessionRecords } from './session-records.ts';
import { audienceOf } from './session-status.ts';

export interface PostingDeps {
  readonly store: Store;
  readonly hub: Hub;
  readonly runs: RunManager;
  readonly agents: AgentRegistry;
  readonly limits: PostingLimits;
  readonly log: Logger;
}

export interface PostingLimits {
  /** Messages that may wait in one session. */
  readonly maxQueuedRuns: number;
  /** Answers of one person that are written or wait; 0 is no limit. */
  readonly maxRunsPerPerson: number;
}

/** A message as whoever posts it says it. */
type Posted = Pick<ClientMessageOf<'chat_message'>, 'message_id' | 'data'> & TraceContext;

/** The connection that posts, where there is one. */
export interface Poster {
  readonly connectionId: string;
  /** `seq`: where the message stands in the log. */
  readonly acknowledge: (seq: number, text: string) => void;
}

/** The run that answers a message, and whether it waits. */
type Answered = Turn & { readonly runId: string };

/** A message that the store was given. */
interface Appended {
  readonly record: SessionRecord;
  readonly append: AppendMessage;
  /** Where in a trace it was asked. */
  readonly caller: TraceContext;
  readonly poster: Poster | undefined;
}

export class Posting {
  readonly #deps: PostingDeps;
  readonly #records: SessionRecords;
  readonly #most: MostRuns;
  readonly #noWorker: Outage;

  constructor(deps: PostingDeps, records: SessionRecords) {
    this.#deps = deps;
    this.#records = records;
    const { maxQueuedRuns, maxRunsPerPerson } = deps.limits;
    // One is being written while the others wait.
    this.#most = { ofSession: maxQueuedRuns + 1, ofSender: maxRunsPerPerson };
    this.#noWorker = new Outage(
      deps.log,
      'warn',
      'no worker lives: messages are kept for the first one that starts',
      'a worker lives again',
    );
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
    message: Posted,
    poster?: Poster,
  ): Promise<Answered & { repeats?: number }> {
    const { runs, store } = this.#deps;
    const record =
      this.#records.known(principal, sessionId, 'write') ??
      (await this.#records.get(principal, sessionId, 'write'));
    const { incarnation } = record;
    const { data } = message;
    const agent = data.agent_name ?? record.agent;
    const messageId = message.message_id ?? randomId();
    const refusal =
      this.#unknown(agent) ??
      (data.replaces ? await this.#misplaced(principal, record, data.replaces) : undefined);
    // They may have been taken out while that was read.
    if (data.replaces) await this.#records.get(principal, sessionId, 'write');
    const run = { runId: randomId(), answerId: randomId(), agent, node: runs.executor };
    const append = this.#append(principal, record, messageId, data, run);
    const arrival = runs.arrivals.add(incarnation, run.runId);
    let result: MessageOutcome | NoRepetition;
    try {
      // The store's own promise: with one more step between, an event of a run that is committed
      // together with this message would be told first, though its `seq` is higher.
      // A message that was accepted once is acknowledged again, whatever would be said to it today.
      result = await (refusal ? store.repeatMessage(append) : store.appendMessage(append));
    } catch (error) {
      arrival.settle();
      throw error;
    }
    const appended: Appended = { record, append, caller: message, poster };
    if (result.outcome === 'appended') return this.#kept(appended, arrival, result);
    if (result.outcome === 'duplicate') return this.#repeated(appended, arrival, result);
    arrival.settle();
    switch (result.outcome) {
      case 'new':
        throw refusal;
      case 'full':
        throw refusal ?? this.#full(result.of);
      case 'conflict':
        throw new ProtocolError(
          'MESSAGE_CONFLICT',
          `message_id ${messageId} was used in this session for another message. Send this one with a new id.`,
        );
      case 'session_not_found':
        throw sessionNotFound(sessionId);
    }
  }

  /** The message is on disk: acknowledges and tells it, and has it answered. */
  #kept(
    { record, append, caller, poster }: Appended,
    arrival: Arrival,
    { seq, node, before, titled }: Extract<MessageOutcome, { outcome: 'appended' }>,
  ): Answered | Promise<Answered> {
    const { hub, runs } = this.#deps;
    const { incarnation } = record;
    const { run } = append;
    const { runId } = run;
    const event: SessionEventOf<'chat_message'> = { ...append.event, seq };
    poster?.acknowledge(seq, acknowledgement(event, runId));
    this.#deps.log.debug(
      {
        connection_id: poster?.connectionId,
        person: event.data.sender,
        session_id: event.session_id,
        message_id: event.message_id,
        seq,
        run_id: runId,
      },
      'a message was kept',
    );
    const audience = audienceOf(record);
    hub.publish(incarnation, event, { origin: poster?.connectionId, audience });
    if (titled !== null) this.#tellTitle(event, incarnation, append.title, titled);
    if (node !== runs.node) {
      this.#noteWorker(node);
      hub.calls.wake(node);
      arrival.settle();
      return { waits: false, position: 0, runId };
    }
    const agent = this.#deps.agents.need(run.agent);
    const spec = { ...run, incarnation, agent, attempt: 1, audience, caller };
    const settle = (turn: Turn): Answered => {
      arrival.settle();
      if (event.data.replaces !== undefined) runs.supersede(record);
      return { ...turn, runId };
    };
    const turn = runs.submit(event, spec, before, arrival);
    return turn ? settle(turn) : runs.takeUpInOrder(spec).then(settle);
  }

  /** The message was on disk before: acknowledges it once more, and sees to it that it is answered. */
  async #repeated(
    { record, append, poster }: Appended,
    arrival: Arrival,
    known: Extract<MessageOutcome, { outcome: 'duplicate' }>,
  ): Promise<Answered & { repeats: number }> {
    const { hub, runs } = this.#deps;
    const { incarnation } = record;
    const { seq, runId } = known;
    poster?.acknowledge(seq, acknowledgement({ ...append.event, ...known }, runId));
    const tell = (event: SessionEventOf<'chat_message'>) =>
      hub.publish(incarnation, event, {
        origin: poster?.connectionId,
        audience: audienceOf(record),
      });
    arrival.repeats(runId);
    try {
      if (!runs.settled(incarnation, runId)) await runs.adopt(runId, tell);
    } finally {
      arrival.settle();
    }
    return { waits: false, position: 0, runId, repeats: seq };
  }

  /**
   * Refuses what `post` would refuse now, for whom something comes before it. Without a `sessionId` it
   * is for a session that is still to be made.
   */
  async check(principal: Principal, sessionId: string | undefined, message: Posted): Promise<void> {
    const { message_id: messageId = '', data } = message;
    const record =
      sessionId === undefined ? undefined : await this.#records.get(principal, sessionId, 'write');
    const agent = data.agent_name ?? record?.agent ?? this.#deps.agents.defaultName;
    const session = record ?? { id: '', incarnation: '', title: '' };
    const refusal =
      this.#unknown(agent) ??
      (data.replaces ? await this.#misplaced(principal, session, data.replaces) : undefined);
    const run = { runId: '', answerId: '', agent, node: '' };
    const append = this.#append(principal, session, messageId, data, run);
    const result = await this.#deps.store.repeatMessage(append);
    if (result.outcome === 'full') throw refusal ?? this.#full(result.of);
    if (refusal && result.outcome !== 'duplicate' && result.outcome !== 'conflict') throw refusal;
  }

  /**
   * Posts a message and waits for the end of its run. Stopping to wait does not stop the run (R4).
   * `traceparent`: the run's place in its trace, where this node traces and has begun it.
   */
  async ask(
    principal: Principal,
    sessionId: string,
    message: Posted,
    signal: AbortSignal,
  ): Promise<SessionEventOf<'agent_response'> & Pick<TraceContext, 'traceparent'>> {
    let traceparent: string | undefined;
    const end = await waitForAnswer(this.#deps, sessionId, signal, {
      person: principal.id,
      enter: () => this.#records.get(principal, sessionId, 'write'),
      post: async () => {
        const posted = await this.post(principal, sessionId, message);
        traceparent = posted.traceparent;
        return posted;
      },
    });
    return { ...end, traceparent };
  }

  /** What the store is to keep of a message. */
  #append(
    principal: Principal,
    session: Pick<SessionRecord, 'id' | 'incarnation' | 'title'>,
    messageId: string,
    data: Posted['data'],
    run: AppendMessage['run'],
  ): AppendMessage {
    return { ...newMessage(principal, session, messageId, data, run), most: this.#most };
  }

  #unknown(agent: string): ProtocolError | undefined {
    const { agents } = this.#deps;
    return agents.get(agent) ? undefined : agents.notFound(agent);
  }

  #full(of: keyof MostRuns): ProtocolError {
    const { maxQueuedRuns, maxRunsPerPerson } = this.#deps.limits;
    return of === 'ofSession'
      ? queueFull(maxQueuedRuns, 'messages wait in this session')
      : queueFull(maxRunsPerPerson, 'answers to you are being written or wait');
  }

  /** Why this message cannot be replaced: what can is an earlier one of the same person. */
  async #misplaced(
    principal: Principal,
    session: SessionIdentity,
    messageId: string,
  ): Promise<ProtocolError | undefined> {
    const event = await this.#deps.store.getEvent(session, messageId);
    if (event?.type === 'chat_message' && event.data.sender === principal.id) return undefined;
    return new ProtocolError(
      'INVALID_MESSAGE',
      'data.replaces: expected the message_id of an earlier message of yours in this session.',
    );
  }

  /** Says once that there is nobody who would answer, and that there is somebody again. */
  #noteWorker(node: string): void {
    if (node === '') this.#noWorker.begin();
    else this.#noWorker.end();
  }

  /** Tells of the title that a message gave its session, and of the version that this made of it. */
  #tellTitle(
    { session_id: id, seq, timestamp }: SessionEventOf<'chat_message'>,
    incarnation: string,
    title: string,
    version: number,
  ): void {
    const known = this.#deps.hub.of(incarnation)?.record;
    if (!known) return;
    if (version === known.version + 1) {
      const messageCount = known.messageCount + 1;
      const news = {
        title,
        version,
        messageCount,
        lastSeq: seq,
        lastActivity: Date.parse(timestamp),
      };
      this.#records.changed({ ...known, ...news });
      return;
    }
    // There is more to it, of which it was not told yet.
    this.#deps.store.getSession(id).then(
      (record) => record?.incarnation === incarnation && this.#records.changed(record),
      (error) => this.#deps.log.warn({ err: error, session_id: id }, 'a title was not told'),
    );
  }
}

function queueFull(limit: number, what: string): ProtocolError {
  return new ProtocolError(
    'QUEUE_FULL',
    `${limit} ${what}, as many as may. Send it again when an answer has ended.`,
    { limit, retry_after_ms: 1_000 },
  );
}
