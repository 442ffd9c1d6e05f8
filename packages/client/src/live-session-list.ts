/** The person's sessions: loaded in pages, and kept in step by what the server tells. */
import type { ServerMessage, ServerMessageOf } from '@parley/protocol';
import { type Http, RequestError } from './http.ts';
import type { Problem } from './items.ts';
import { Listeners } from './listeners.ts';
import type { Outbox } from './outbox.ts';
import type { CreateOptions, Session } from './session.ts';
import type {
  SearchHit,
  SearchOptions,
  SessionList,
  SessionListSnapshot,
  SessionSummary,
} from './session-list.ts';
import type { OutboxEntry } from './storage.ts';
import {
  hitOf,
  newestFirst,
  pendingSummary,
  summaryOf,
  summaryOfStatus,
  type WireHit,
  type WireSession,
} from './summaries.ts';
import { uuid } from './uuid.ts';

/** Sessions that are loaded at first, and at the least. */
const PAGE = 100;
/** Sessions in one page at the most; the server gives no more. */
const MAX_PAGE = 1_000;

/** What a list needs of the client that made it. */
export interface ListLink {
  readonly http: Http;
  readonly outbox: Outbox;
  /** `false`: not open, nothing was sent. */
  send(message: { type: 'sessions_watch'; message_id: string; data: object }): boolean;
  /** It is being connected, and better to wait for what comes of that. */
  isConnecting(): boolean;
  create(options: CreateOptions): Promise<Session>;
  join(id: string): Session;
  /** The session is no more. */
  deleted(id: string): void;
}

interface Page {
  readonly sessions: readonly SessionSummary[];
  readonly total: number;
  /** Where the next page begins; `undefined`: there is none. */
  readonly next: string | undefined;
}

/** A session as it was told meanwhile; `undefined`: it is no more. */
type Told = SessionSummary | undefined;

export class LiveSessionList implements SessionList {
  readonly #link: ListLink;
  readonly #listeners = new Listeners();
  #status: 'loading' | 'ready' | 'failed' = 'loading';
  #problem: Problem | undefined;
  #known = new Map<string, SessionSummary>();
  #total = 0;
  /** Where what is not loaded begins; `undefined`: everything is. */
  #next: string | undefined;
  /** What was told while a page was on its way, which may be older. */
  readonly #told = new Map<string, Told>();
  #loads = 0;
  /** Shown already, and not yet accepted by the server. */
  readonly #titles = new Map<string, string>();
  readonly #deleted = new Set<string>();
  #isFollowing = false;
  /** The `message_id` of what asked to be told over this connection. */
  #watch: string | undefined;
  /** What is under way; calls meanwhile share it. */
  readonly #loading: { refresh?: Promise<void> | undefined; more?: Promise<void> | undefined } = {};
  #snapshot: SessionListSnapshot | undefined;

  constructor(link: ListLink) {
    this.#link = link;
    link.outbox.subscribe(() => this.#changed());
  }

  snapshot(): SessionListSnapshot {
    this.#snapshot ??= this.#build();
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    const stop = this.#listeners.add(listener);
    if (!this.#isFollowing) {
      this.#isFollowing = true;
      this.#startWatching();
      if (this.#watch === undefined && !this.#link.isConnecting()) void this.refresh();
    }
    return stop;
  }

  refresh(): Promise<void> {
    this.#loading.refresh ??= this.#load('refresh', async () => {
      // Else what that has loaded would be counted twice, or left out.
      await this.#loading.more;
      const wanted = Math.max(PAGE, this.#known.size);
      const known = new Map<string, SessionSummary>();
      let page: Page | undefined;
      do {
        page = await this.#page(page?.next, wanted - known.size);
        for (const session of page.sessions) known.set(session.id, session);
      } while (page.next !== undefined && known.size < wanted);
      this.#known = known;
      this.#total = page.total;
      this.#next = page.next;
    });
    return this.#loading.refresh;
  }

  loadMore(): Promise<void> {
    this.#loading.more ??= this.#load('more', async () => {
      await this.#loading.refresh;
      if (this.#next === undefined) return;
      // Who has come far has far to go: as much again by half, so that the end is a few steps away.
      const count = Math.max(PAGE, Math.floor(this.#known.size / 2));
      const { sessions, total, next } = await this.#page(this.#next, count);
      for (const session of sessions) {
        if (!this.#known.has(session.id)) this.#known.set(session.id, session);
      }
      this.#total = total;
      this.#next = next;
    });
    return this.#loading.more;
  }

  create(options: CreateOptions = {}): Promise<Session> {
    return this.#link.create(options);
  }

  join(id: string): Session {
    return this.#link.join(id);
  }

  async rename(id: string, title: string): Promise<void> {
    if (this.#link.outbox.rename(id, title)) return;
    this.#titles.set(id, title);
    this.#changed();
    try {
      const taken = await this.#link.http.call<WireSession>(path(id), {
        method: 'PATCH',
        body: { title },
      });
      if (this.#known.has(id)) this.#tell(id, summaryOf(taken));
    } finally {
      // A later one has its own answer to wait for.
      if (this.#titles.get(id) === title) this.#titles.delete(id);
      this.#changed();
    }
  }

  async delete(id: string): Promise<void> {
    // Only here so far: the server has nothing to delete.
    if (this.#pending.some((entry) => entry.id === id)) {
      this.#forget(id);
      return;
    }
    this.#deleted.add(id);
    this.#changed();
    try {
      await this.#link.http.call(path(id), { method: 'DELETE' });
      this.#forget(id);
    } catch (error) {
      // Somebody else was faster, or an earlier try that was not heard of.
      if (!(error instanceof RequestError) || error.code !== 'SESSION_NOT_FOUND') throw error;
      this.#forget(id);
    } finally {
      this.#deleted.delete(id);
      this.#changed();
    }
  }

  async search(text: string, { limit = 20, signal }: SearchOptions = {}): Promise<SearchHit[]> {
    const query = `search?q=${encodeURIComponent(text)}&limit=${limit}`;
    const { hits } = await this.#link.http.call<{ hits: WireHit[] }>(query, { signal });
    return hits.map(hitOf);
  }

  exportUrl(id: string, format: 'markdown' | 'json'): string {
    return this.#link.http.url(`${path(id)}/export?format=${format}`);
  }

  /** There is a connection: asks to be told over it. */
  opened(): void {
    if (this.#isFollowing) this.#startWatching();
  }

  /** There is no connection, and none in sight: what can be had over HTTP is better than nothing. */
  lost(): void {
    this.#watch = undefined;
    if (this.#isFollowing && this.#status === 'loading') void this.refresh();
  }

  received(message: ServerMessage): void {
    if (message.reply_to !== undefined && message.reply_to === this.#watch) {
      // Loaded only now, so that nothing falls in between; and again each time that the server
      // says so anew, because it may have missed something. One that does not know how to be
      // watched is asked once.
      void this.#readAgain();
    } else if (message.type === 'session_status') this.#apply(message.data);
  }

  /** What is being read may be older than what was missed. */
  async #readAgain(): Promise<void> {
    await this.#loading.refresh;
    await this.refresh();
  }

  #startWatching(): void {
    const message_id = uuid();
    if (this.#link.send({ type: 'sessions_watch', message_id, data: {} })) this.#watch = message_id;
  }

  #apply(data: ServerMessageOf<'session_status'>['data']): void {
    if (this.#status !== 'ready' && this.#loads === 0) return;
    this.#tell(data.session_id, data.status === 'active' ? summaryOfStatus(data) : undefined);
    this.#changed();
  }

  #tell(id: string, told: Told): void {
    if (this.#loads > 0) this.#told.set(id, told);
    const known = this.#known.get(id);
    const hasMore = this.#next !== undefined;
    if (!told) {
      // Where it was not loaded it was one of those that are not.
      if (this.#known.delete(id) || hasMore) this.#total -= 1;
      return;
    }
    if (!known) {
      const oldest = Math.min(...[...this.#known.values()].map((each) => each.lastActivity));
      // Its page is not loaded; it comes with that.
      if (hasMore && told.lastActivity < oldest) return;
      // One that was there before the oldest that is loaded was counted already.
      if (!hasMore || told.createdAt > oldest) this.#total += 1;
    }
    this.#known.set(id, told);
  }

  /** Deleted by this client: with it goes what was to be sent to it. */
  #forget(id: string): void {
    if (this.#known.has(id)) this.#tell(id, undefined);
    for (const entry of this.#link.outbox.entries(id)) this.#link.outbox.settle(entry.id);
    this.#link.deleted(id);
  }

  async #load(what: 'refresh' | 'more', action: () => Promise<void>): Promise<void> {
    this.#loads += 1;
    try {
      await action();
      this.#status = 'ready';
      this.#problem = undefined;
      for (const [id, told] of this.#told) {
        // What is loaded already knows it, or it is older than what is loaded.
        const known = this.#known.get(id);
        if (told ? !known || known.lastSeq <= told.lastSeq : known) this.#tell(id, told);
      }
    } catch (error) {
      if (this.#status === 'loading') this.#status = 'failed';
      const { code, message } =
        error instanceof RequestError ? error : { code: 'INTERNAL_ERROR', message: String(error) };
      this.#problem = { code, message };
    } finally {
      this.#loads -= 1;
      // Before anybody is told, who might want to try again.
      this.#loading[what] = undefined;
      if (this.#loads === 0) this.#told.clear();
      this.#changed();
    }
  }

  async #page(after: string | undefined, count: number): Promise<Page> {
    const query = `limit=${Math.min(count, MAX_PAGE)}${after === undefined ? '' : `&after=${after}`}`;
    const { sessions, total, next } = await this.#link.http.call<{
      sessions: (WireSession & { messages: number })[];
      total: number;
      next: string | null;
    }>(`sessions?${query}`);
    return {
      sessions: sessions.map((one) => summaryOf({ ...one, message_count: one.messages })),
      total,
      next: next ?? undefined,
    };
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#listeners.call();
  }

  /** Those that only wait in the outbox to be made. */
  get #pending(): OutboxEntry[] {
    const { outbox } = this.#link;
    return outbox.entries().filter(({ kind, id }) => kind === 'session' && !this.#known.has(id));
  }

  #build(): SessionListSnapshot {
    const loaded = [...this.#known.values()].filter(({ id }) => !this.#deleted.has(id));
    const pending = this.#pending.map((entry) =>
      pendingSummary(entry, this.#link.outbox.entries(entry.id)),
    );
    const sessions = [...loaded, ...pending]
      .map((session) => {
        const title = this.#titles.get(session.id);
        return title === undefined ? session : { ...session, title };
      })
      .sort(newestFirst);
    const hidden = this.#known.size - loaded.length;
    return {
      status: this.#status,
      sessions,
      total: this.#total - hidden + pending.length,
      hasMore: this.#total > this.#known.size,
      ...(this.#problem ? { problem: this.#problem } : {}),
    };
  }
}

function path(id: string): string {
  return `sessions/${encodeURIComponent(id)}`;
}
