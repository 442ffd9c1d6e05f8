/** The store of many machines: PostgreSQL, one connection that writes in batches, some that read. */
import type { SessionEvent } from '@parley/protocol';
import type { Pool } from 'pg';
import { openPool, toStoreError } from './postgres/connection.ts';
import { findRemovable, READS } from './postgres/reads.ts';
import { type EventRow, storable, toCall, toCounted, toText, toTsquery } from './postgres/rows.ts';
import { migrate } from './postgres/schema.ts';
import { type Call, Writer } from './postgres/writer.ts';
import { makeSnippet, matches, parseQuery } from './search-text.ts';
import {
  type Access,
  type AppendMessage,
  bounded,
  type Cleaned,
  type ListSessions,
  type MessageOutcome,
  type NewEvent,
  type NewSession,
  type NoRepetition,
  type OnCommit,
  parsePlace,
  type Question,
  type ReadEvents,
  type Retention,
  type RunOutcome,
  type RunRecord,
  type SearchHit,
  type SessionHead,
  type SessionIdentity,
  type SessionListPage,
  SessionPage,
  type SessionRecord,
  STORE_LIMITS,
  type StopRuns,
  type Store,
  StoreError,
  tooManyMembers,
} from './store.ts';

type PageRow = (Pick<SessionPage, 'session' | 'runs'> | { session: null }) &
  (EventRow | { seq: null });

/** Reads at once. More only wait for each other on the server. */
const READERS = 8;

/**
 * Opens the store in the schema `parley` of a database, which is created where there is none.
 *
 * @throws StoreError where the server cannot be reached or refuses, or the database was written by a newer
 * version.
 */
export async function openPostgresStore(
  url: string,
  onCommit: OnCommit = () => {},
): Promise<Store> {
  const writes = openPool(url, 'writer', 1);
  try {
    const deployment = await migrate(writes, url);
    const readers = openPool(url, 'reader', READERS);
    return new PostgresStore(new Writer(writes, url, onCommit), readers, url, deployment);
  } catch (error) {
    await writes.end();
    throw toStoreError(error, url);
  }
}

interface FoundRow {
  readonly sessionId: string;
  readonly title: string | null;
  readonly id: number;
  readonly messageId: string;
  readonly seq: number;
  readonly timestamp: string;
  readonly data: string;
}

class PostgresStore implements Store {
  readonly isShared = true;
  readonly deployment: string;
  readonly #writer: Writer;
  readonly #readers: Pool;
  readonly #url: string;
  readonly #reading = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(writer: Writer, readers: Pool, url: string, deployment: string) {
    this.deployment = deployment;
    this.#writer = writer;
    this.#readers = readers;
    this.#url = url;
  }

  get pendingWrites(): number {
    return this.#writer.pending;
  }

  async createSession(
    { id, incarnation, owner, title, agent, createdAt, invitationEpoch }: NewSession,
    maxOwned?: number,
  ): Promise<{ session: SessionRecord | undefined; created: boolean }> {
    const result = await this.#write<{ session: SessionRecord | null; created: boolean }>({
      method: 'create_session',
      session: id,
      incarnation,
      owner,
      title: title === null ? null : storable(title),
      agent,
      created_at: createdAt,
      invitation_epoch: invitationEpoch,
      max_owned: maxOwned,
    });
    return { session: result.session ?? undefined, created: result.created };
  }

  async getSession(id: string): Promise<SessionRecord | undefined> {
    const [row] = await this.#read<{ session: SessionRecord | null }>('getSession', id);
    return row?.session ?? undefined;
  }

  async updateSession(
    session: SessionIdentity,
    { title, agent }: { readonly title?: string; readonly agent?: string },
  ): Promise<SessionRecord | undefined> {
    const named = title === undefined ? {} : { title: storable(title) };
    const call = { method: 'update_session', ...meant(session), agent, ...named };
    return (await this.#write<SessionRecord | null>(call)) ?? undefined;
  }

  async addMember(
    id: string,
    principal: string,
    access: Access,
    invitationEpoch: number,
  ): Promise<SessionRecord | undefined> {
    const call = {
      method: 'add_member',
      session: id,
      principal,
      access,
      invitation_epoch: invitationEpoch,
    };
    const result = await this.#write<SessionRecord | 'full' | null>(call);
    if (result === 'full') throw tooManyMembers();
    return result ?? undefined;
  }

  async removeMember(
    session: SessionIdentity,
    principal: string,
  ): Promise<SessionRecord | undefined> {
    const call = { method: 'remove_member', ...meant(session), principal };
    return (await this.#write<SessionRecord | null>(call)) ?? undefined;
  }

  async withdrawInvitations(session: SessionIdentity): Promise<SessionRecord | undefined> {
    const call = { method: 'withdraw_invitations', ...meant(session) };
    return (await this.#write<SessionRecord | null>(call)) ?? undefined;
  }

  async deleteSession(session: SessionIdentity): Promise<Pick<RunRecord, 'node'> | undefined> {
    const call = { method: 'delete_session', ...meant(session) };
    return (await this.#write<Pick<RunRecord, 'node'> | null>(call)) ?? undefined;
  }

  async listSessions({ person, after, limit }: ListSessions): Promise<SessionListPage> {
    const most = bounded(limit, STORE_LIMITS.page);
    const [page] = await this.#read<Required<SessionListPage> & { next: string | null }>(
      'listSessions',
      person,
      ...parsePlace(after),
      most,
    );
    const { sessions = [], total = 0, next = null } = page ?? {};
    return { sessions, total, ...(next === null ? {} : { next }) };
  }

  appendMessage(append: AppendMessage): Promise<MessageOutcome> {
    const { event, incarnation, fingerprint, run, title } = append;
    return this.#write({
      ...toCall(event),
      method: 'append_message',
      incarnation,
      replaces: event.data.replaces,
      fingerprint: JSON.stringify(fingerprint),
      title: storable(title),
      answer_run: run.runId,
      answer_id: run.answerId,
      agent: run.agent,
      node: run.node,
      ...toCounted(append),
    });
  }

  repeatMessage(
    append: AppendMessage,
  ): Promise<Exclude<MessageOutcome, { outcome: 'appended' }> | NoRepetition> {
    const { event, incarnation, fingerprint } = append;
    return this.#write({
      method: 'repeat_message',
      session: event.session_id,
      incarnation,
      message_id: event.message_id,
      fingerprint: JSON.stringify(fingerprint),
      ...toCounted(append),
    });
  }

  appendRunEvent(event: NewEvent): Promise<RunOutcome> {
    return this.#write({ ...toCall(event), method: 'append_run_event' });
  }

  finishRun(event: Extract<NewEvent, { type: 'agent_response' }>): Promise<RunOutcome> {
    return this.#write({ ...toCall(event), method: 'finish_run' });
  }

  markStarted(runId: string, attempt: number): Promise<boolean> {
    return this.#write({ method: 'mark_started', run_id: runId, attempt });
  }

  keepAlive(node: string, ms: number): Promise<number> {
    return this.#write({ method: 'keep_alive', node, alive_ms: ms });
  }

  async unfinishedRuns(node?: string | null): Promise<readonly RunRecord[]> {
    const which = node === undefined ? 'all' : node === null ? 'lost' : 'of';
    const rows = await this.#read<{ run: RunRecord }>('unfinishedRuns', which, node ?? '');
    return rows.map(({ run }) => run);
  }

  async stopRuns(
    session: SessionIdentity,
    { sender, asAdmin, runId }: StopRuns,
  ): Promise<readonly RunRecord[] | undefined> {
    const stop = { ...meant(session), run_id: runId, sender, as_admin: asAdmin };
    const stopped = await this.#write<readonly RunRecord[] | null>({
      method: 'stop_runs',
      ...stop,
    });
    return stopped ?? undefined;
  }

  claimRuns(sessionId: string, node: string): Promise<readonly RunRecord[]> {
    return this.#write({ method: 'claim_runs', session: sessionId, node });
  }

  async readSession(id: string, read: ReadEvents): Promise<SessionPage | undefined> {
    const { after, before = Number.MAX_SAFE_INTEGER } = read;
    const limit = bounded(read.limit, STORE_LIMITS.page);
    const rows = await this.#read<PageRow>(
      after === undefined ? 'readBefore' : 'readAfter',
      id,
      after ?? before,
      limit,
    );
    const first = rows.find((row) => row.session !== null);
    if (!first) return undefined;
    const texts = rows.flatMap((row) => (row.seq === null ? [] : [toText(id, row)]));
    return new SessionPage(first.session, texts, first.runs);
  }

  async getEvent(
    { id, incarnation }: SessionIdentity,
    messageId: string,
  ): Promise<SessionEvent | undefined> {
    const [row] = await this.#read<EventRow>('getEvent', id, incarnation, messageId);
    return row && JSON.parse(toText(id, row));
  }

  heads(ids: readonly string[]): Promise<readonly SessionHead[]> {
    return this.#read<SessionHead>('heads', ids);
  }

  async questions({ id, incarnation }: SessionIdentity): Promise<readonly Question[]> {
    const rows = await this.#read<{ message_id: string; replaces: string | null }>(
      'questions',
      id,
      incarnation,
    );
    return rows.map(({ message_id, replaces }) => ({
      message_id,
      ...(replaces === null ? {} : { replaces }),
    }));
  }

  async search({
    person,
    text,
    limit,
  }: {
    readonly person: string;
    readonly text: string;
    readonly limit: number;
  }): Promise<readonly SearchHit[]> {
    const query = parseQuery(text);
    if (query.length === 0) return [];
    const most = bounded(limit, STORE_LIMITS.hits);
    const rows = await this.#read<FoundRow>('search', person, toTsquery(query), most);
    for (let before = Number.MAX_SAFE_INTEGER; ; ) {
      const [row] = await this.#read<FoundRow>('searchTooLong', person, before);
      if (!row) break;
      if (matches(JSON.parse(row.data).content, query)) rows.push(row);
      before = row.id;
    }
    return rows
      .sort((a, b) => b.id - a.id)
      .slice(0, most)
      .map(({ sessionId, title, messageId, seq, timestamp, data }) => {
        const { content, role } = JSON.parse(data) as { content: string; role: SearchHit['role'] };
        const snippet = makeSnippet(content, query);
        return { sessionId, title, messageId, seq, role, timestamp, snippet };
      });
  }

  /** What is due is looked for by a reader, and taken away where it has not changed since. */
  async clean(retention: Retention): Promise<Cleaned> {
    const { expired, trimmed, more } = await findRemovable(this.#read.bind(this), retention);
    const [deleted, cut] = await Promise.all([
      this.#writeEach(expired, ({ lastSeq, lastActivity, ...session }) => ({
        method: 'delete_session',
        ...meant(session),
        last_seq: lastSeq,
        last_activity: lastActivity,
      })),
      this.#writeEach(trimmed, ({ id, through }) => ({
        method: 'trim_session',
        session: id,
        last_seq: through,
      })),
    ]);
    return {
      expired: deleted.map(({ id, incarnation }) => ({ id, incarnation })),
      trimmed: cut.map(({ id }) => id),
      more,
    };
  }

  async check(): Promise<void> {
    await this.#write({ method: 'check' });
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled([this.#writer.close(), ...this.#reading]);
      await this.#readers.end();
    })();
    return this.#closed;
  }

  /** Those whose call did something. */
  async #writeEach<Due>(due: readonly Due[], toCall: (due: Due) => Call): Promise<Due[]> {
    const done = await Promise.all(due.map((each) => this.#write<unknown>(toCall(each))));
    return due.filter((_, index) => done[index]);
  }

  #write<Answer>(call: Call): Promise<Answer> {
    return this.#writer.call(call) as Promise<Answer>;
  }

  async #read<Row>(name: keyof typeof READS, ...values: unknown[]): Promise<Row[]> {
    if (this.#closed) throw new StoreError('The store is closed.');
    const result = this.#readers.query({ name, text: READS[name], values });
    this.#reading.add(result);
    try {
      return (await result).rows as Row[];
    } catch (error) {
      throw toStoreError(error, this.#url);
    } finally {
      this.#reading.delete(result);
    }
  }
}

/** Of a call: which session it means. */
function meant({ id, incarnation }: SessionIdentity) {
  return { session: id, incarnation };
}
