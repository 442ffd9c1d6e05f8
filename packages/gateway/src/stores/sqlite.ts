/** The store of a single machine: SQLite, off the event loop, with group commit. */
import { randomUUID } from 'node:crypto';
import { extname, join } from 'node:path';
import { encodeData, type SessionEvent } from '@parley/protocol';
import { createPrivateFile, lockDataDirectory } from './sqlite/lock.ts';
import type { Reads } from './sqlite/reader.ts';
import { type EventRow, toCounted } from './sqlite/rows.ts';
import { SqliteThread } from './sqlite/thread.ts';
import type { Writes } from './sqlite/writer.ts';
import {
  type Access,
  type AppendMessage,
  bounded,
  type Cleaned,
  type ListSessions,
  type MessageOutcome,
  type NewEvent,
  type NewSession,
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

/** TypeScript here, JavaScript in the published package. */
const ENTRY = new URL(`./sqlite/worker${extname(import.meta.url)}`, import.meta.url);

/**
 * Opens the store in `dataDir`, which is created (0700) where there is none.
 *
 * @throws StoreError where another process uses the directory, it may not be written, or its
 * database is damaged or was written by a newer version.
 */
export async function openSqliteStore(
  dataDir: string,
  onCommit: OnCommit = () => {},
): Promise<Store> {
  const unlock = lockDataDirectory(dataDir);
  const file = join(dataDir, 'parley.sqlite');
  try {
    createPrivateFile(file);
  } catch (cause) {
    unlock();
    throw new StoreError(`The database ${file} cannot be created: ${String(cause)}`, { cause });
  }
  const writer = new SqliteThread<Writes>(ENTRY, { role: 'writer', file }, onCommit);
  const reader = new SqliteThread<Reads>(ENTRY, { role: 'reader', file });
  const store = new SqliteStore(writer, reader, unlock);
  try {
    await writer.call('open');
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

class SqliteStore implements Store {
  readonly isShared = false;
  readonly deployment = randomUUID();
  readonly #writer: SqliteThread<Writes>;
  readonly #reader: SqliteThread<Reads>;
  readonly #unlock: () => void;
  #closed: Promise<void> | undefined;

  constructor(writer: SqliteThread<Writes>, reader: SqliteThread<Reads>, unlock: () => void) {
    this.#writer = writer;
    this.#reader = reader;
    this.#unlock = unlock;
  }

  get pendingWrites(): number {
    return this.#writer.pending;
  }

  createSession(
    session: NewSession,
    maxOwned?: number,
  ): Promise<{ session: SessionRecord | undefined; created: boolean }> {
    return this.#writer.call('createSession', session, maxOwned);
  }

  getSession(id: string): Promise<SessionRecord | undefined> {
    return this.#reader.call('getSession', id);
  }

  updateSession(
    session: SessionIdentity,
    patch: { readonly title?: string; readonly agent?: string },
  ): Promise<SessionRecord | undefined> {
    return this.#writer.call(
      'updateSession',
      meant(session),
      patch.title ?? null,
      patch.agent ?? null,
    );
  }

  async addMember(
    id: string,
    principal: string,
    access: Access,
    invitationEpoch: number,
  ): Promise<SessionRecord | undefined> {
    const result = await this.#writer.call('addMember', id, principal, access, invitationEpoch);
    if (result === 'full') throw tooManyMembers();
    return result;
  }

  removeMember(session: SessionIdentity, principal: string): Promise<SessionRecord | undefined> {
    return this.#writer.call('removeMember', meant(session), principal);
  }

  withdrawInvitations(session: SessionIdentity): Promise<SessionRecord | undefined> {
    return this.#writer.call('withdrawInvitations', meant(session));
  }

  deleteSession(session: SessionIdentity): Promise<Pick<RunRecord, 'node'> | undefined> {
    return this.#writer.call('deleteSession', meant(session));
  }

  async listSessions({ person, after, limit }: ListSessions): Promise<SessionListPage> {
    const [at, order] = parsePlace(after);
    const most = bounded(limit, STORE_LIMITS.page);
    return this.#reader.call('listSessions', { person, at, order, limit: most });
  }

  appendMessage(append: AppendMessage): Promise<MessageOutcome> {
    const { event, incarnation, fingerprint, run, title } = append;
    const { runId, answerId, agent, node } = run;
    const row = toRow(event);
    return this.#writer.call(
      'appendMessage',
      event.session_id,
      incarnation,
      row,
      fingerprint,
      runId,
      answerId,
      agent,
      node,
      title,
      ...toCounted(append),
    );
  }

  repeatMessage(append: AppendMessage) {
    const { event, incarnation, fingerprint } = append;
    return this.#writer.call(
      'repeatMessage',
      event.session_id,
      incarnation,
      event.message_id,
      fingerprint,
      ...toCounted(append),
    );
  }

  appendRunEvent(event: NewEvent): Promise<RunOutcome> {
    return this.#writer.call('appendRunEvent', event.session_id, toRow(event));
  }

  finishRun(event: Extract<NewEvent, { type: 'agent_response' }>): Promise<RunOutcome> {
    return this.#writer.call('finishRun', event.session_id, toRow(event));
  }

  markStarted(runId: string, attempt: number): Promise<boolean> {
    return this.#writer.call('markStarted', runId, attempt);
  }

  async keepAlive(node: string, ms: number): Promise<number> {
    const now = Date.now();
    await this.#writer.call('keepAlive', node, now + ms, now);
    return 0;
  }

  async unfinishedRuns(node?: string | null): Promise<readonly RunRecord[]> {
    const runs = await this.#writer.call('unfinishedRuns');
    if (node === undefined) return runs;
    if (node !== null) return runs.filter((run) => run.node === node);
    const alive = new Set(await this.#writer.call('aliveNodes', Date.now()));
    return runs.filter((run) => !alive.has(run.node));
  }

  async stopRuns(
    session: SessionIdentity,
    stop: StopRuns,
  ): Promise<readonly RunRecord[] | undefined> {
    const { sender, asAdmin, runId } = stop;
    const marked = await this.#writer.call(
      'stopRuns',
      meant(session),
      sender,
      asAdmin,
      runId ?? null,
    );
    if (!marked) return undefined;
    const ids = new Set(marked);
    return (await this.unfinishedRuns()).filter((run) => ids.has(run.runId));
  }

  async claimRuns(sessionId: string, node: string): Promise<readonly RunRecord[]> {
    if (!(await this.#writer.call('claimRuns', sessionId, node, Date.now()))) return [];
    const runs = await this.unfinishedRuns(node);
    return runs.filter((run) => run.sessionId === sessionId);
  }

  async readSession(id: string, read: ReadEvents): Promise<SessionPage | undefined> {
    const limit = bounded(read.limit, STORE_LIMITS.page);
    const page = await this.#reader.call('readSession', id, read.after, read.before, limit);
    if (!page) return undefined;
    const { session, texts, runs } = page;
    return new SessionPage(session, texts === '' ? [] : texts.split('\n'), runs);
  }

  async getEvent(session: SessionIdentity, messageId: string): Promise<SessionEvent | undefined> {
    const text = await this.#reader.call('getEvent', meant(session), messageId);
    return text === undefined ? undefined : JSON.parse(text);
  }

  heads(ids: readonly string[]): Promise<readonly SessionHead[]> {
    return this.#reader.call('heads', ids);
  }

  questions(session: SessionIdentity): Promise<readonly Question[]> {
    return this.#reader.call('questions', meant(session));
  }

  search(query: {
    readonly person: string;
    readonly text: string;
    readonly limit: number;
  }): Promise<readonly SearchHit[]> {
    const limit = bounded(query.limit, STORE_LIMITS.hits);
    return this.#reader.call('search', query.person, query.text, limit);
  }

  /** The reader looks for what is due, so that writes wait only while it is taken away. */
  async clean(retention: Retention): Promise<Cleaned> {
    const { more, ...removal } = await this.#reader.call('findRemovable', { ...retention });
    const nothing = removal.expired.length + removal.trimmed.length === 0;
    if (nothing) return { expired: [], trimmed: [], more };
    return { ...(await this.#writer.call('clean', removal)), more };
  }

  check(): Promise<void> {
    return this.#writer.call('check');
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // The writer last: whoever closes last removes the write-ahead log.
    await this.#reader.close();
    await this.#writer.close();
    this.#unlock();
  }
}

/** An event with its `data` as the wire has them. Here and not in `rows.ts`: no thread is to load the codec. */
export function toRow(event: NewEvent): EventRow {
  return [
    event.type,
    event.message_id,
    event.timestamp,
    event.reply_to ?? null,
    event.run_id ?? null,
    event.attempt ?? null,
    encodeData(event),
  ];
}

/** No more of a record than says which session is meant: it goes to another thread. */
function meant({ id, incarnation }: SessionIdentity): SessionIdentity {
  return { id, incarnation };
}
