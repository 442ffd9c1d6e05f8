/** What is to be sent, of every session: in memory for now, in the storage for after a reload. */
import type { Problem } from './items.ts';
import { Listeners } from './listeners.ts';
import type { OutboxEntry, OutboxMessage, OutboxStorage } from './storage.ts';

/** A storage that has not answered after so long is taken for one that failed, milliseconds. */
const STORAGE_MS = 3_000;
/** A message that failed is kept so long, milliseconds: 30 days. */
const KEEP_FAILED_MS = 30 * 24 * 3_600_000;

/**
 * What another client has just added it will most likely send itself; so long, milliseconds, it is
 * left to it. Sending it twice would do no harm, but be of no use either.
 */
const OTHERS_MS = 1_000;

export interface OutboxHandlers {
  /** What is to be sent has changed, by others or by time; called first when the storage was read. */
  merged(): void;
  /** Somebody else has taken this back: it is not sent any more. */
  takenBack(id: string): void;
  /** The storage does not do what it should; what is in memory goes on. */
  failed(error: unknown): void;
}

/**
 * Every client that shares the storage sends what is in it, in the order in which it was added.
 * That needs no agreement among them: the same message comes to the server under the same id, which
 * counts once, and no client sends a message before the server has accepted those ahead of it.
 */
export class Outbox {
  readonly #storage: OutboxStorage;
  readonly #handlers: OutboxHandlers;
  readonly #listeners = new Listeners();
  #entries = new Map<string, OutboxEntry>();
  /** Added by this client. */
  readonly #own = new Set<string>();
  /** In memory alone: not in the storage yet, or refused by it. */
  readonly #unsaved = new Set<string>();
  /** Done with, but perhaps still in the storage: what is loaded meanwhile must not bring it back. */
  readonly #settled = new Set<string>();
  /** The storage's calls in order, so that a removal never overtakes its addition. */
  #last: Promise<unknown> = Promise.resolve();
  #loading: Promise<void> | undefined;
  #isReady = false;
  #isFailing = false;
  #isClosed = false;
  readonly #unsubscribe: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(storage: OutboxStorage, handlers: OutboxHandlers) {
    this.#storage = storage;
    this.#handlers = handlers;
    try {
      this.#unsubscribe = storage.subscribe?.((takenBack) => {
        if (takenBack !== undefined) {
          // Also where it is not known: it may be in what is being loaded.
          this.#remove(takenBack);
          handlers.takenBack(takenBack);
        }
        void this.sync();
      });
    } catch (error) {
      handlers.failed(error);
    }
    void this.sync();
  }

  /** `false`: what an earlier page left is not known yet, so that nothing may be sent. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Resolves when what was added so far is in the storage, or its failure was told; never rejects. */
  get kept(): Promise<unknown> {
    return this.#last;
  }

  /** Of one session, or of all, in order. */
  entries(sessionId?: string): OutboxEntry[] {
    const all = [...this.#entries.values()];
    return sessionId === undefined ? all : all.filter((entry) => entry.sessionId === sessionId);
  }

  /** Those of a session that this client is to send now, in order. */
  due(sessionId: string): OutboxEntry[] {
    const waiting = this.entries(sessionId).filter((entry) => !isFailed(entry));
    // What stands before something of one's own has to go first.
    const last = waiting.findLastIndex(({ id }) => this.#own.has(id));
    return waiting.filter((entry, index) => index <= last || this.#wait(entry) === 0);
  }

  /** The sessions that this client has to send something to now. */
  dueSessions(): Set<string> {
    const sessions = new Set(this.entries().map(({ sessionId }) => sessionId));
    return new Set([...sessions].filter((id) => this.due(id).length > 0));
  }

  /** After every change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Resolves when the entry is in the storage, or the storage has failed; never rejects. */
  add(entry: OutboxEntry): Promise<void> {
    this.#entries.set(entry.id, entry);
    this.#own.add(entry.id);
    this.#unsaved.add(entry.id);
    this.#listeners.call();
    return this.#store(async () => {
      await this.#storage.add(entry);
      this.#unsaved.delete(entry.id);
    });
  }

  /** The server has answered for good. */
  settle(id: string): void {
    if (this.#entries.has(id)) this.#remove(id);
  }

  /** The person has given it up, which the others are told. */
  takeBack(id: string): void {
    if (this.#entries.has(id)) this.#remove(id, true);
  }

  /** Refused for good; kept, so that the person sees it after a reload too. */
  fail(id: string, problem: Problem): void {
    const entry = this.#entries.get(id);
    if (entry?.kind !== 'message') return;
    this.#replace({ ...entry, problem: { code: problem.code, message: problem.message } });
  }

  /** Of a session that is still to be made; `false`: it is none. */
  rename(id: string, title: string): boolean {
    const entry = this.#entries.get(id);
    if (entry?.kind !== 'session') return false;
    this.#replace({ ...entry, title });
    this.#handlers.merged();
    return true;
  }

  /** Reads what the storage has, and takes it over. */
  sync(): Promise<void> {
    this.#loading ??= this.#store(async () => {
      // From here on a notice means another reading.
      this.#loading = undefined;
      this.#merge(await this.#storage.load());
    }).finally(() => {
      if (this.#isReady || this.#isClosed) return;
      this.#isReady = true;
      this.#handlers.merged();
    });
    return this.#loading;
  }

  /** Forgets nothing: whoever opens the storage next goes on. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#unsubscribe?.();
  }

  #remove(id: string, isTakenBack = false): void {
    this.#entries.delete(id);
    this.#own.delete(id);
    this.#settled.add(id);
    this.#listeners.call();
    void this.#store(async () => {
      await this.#storage.remove(id, isTakenBack);
      this.#settled.delete(id);
      this.#unsaved.delete(id);
    });
  }

  #replace(entry: OutboxEntry): void {
    this.#entries.set(entry.id, entry);
    this.#listeners.call();
    void this.#store(() => this.#storage.replace(entry));
  }

  #merge(stored: readonly OutboxEntry[]): void {
    if (this.#isClosed) return;
    const before = this.#entries;
    this.#entries = new Map();
    const oldest = Date.now() - KEEP_FAILED_MS;
    for (const entry of stored) {
      if (this.#settled.has(entry.id)) continue;
      if (isFailed(entry) && entry.timestamp < oldest) {
        void this.#store(() => this.#storage.remove(entry.id));
        continue;
      }
      const mine = before.get(entry.id);
      // A failure that is here already may be on its way to the storage.
      this.#entries.set(entry.id, mine && isFailed(mine) ? mine : entry);
    }
    for (const [id, entry] of before) {
      if (this.#unsaved.has(id) && !this.#entries.has(id)) this.#entries.set(id, entry);
    }
    this.#isReady = true;
    this.#lookAgain();
    this.#handlers.merged();
    this.#listeners.call();
  }

  /** How long an entry is still left to others, milliseconds. */
  #wait({ id, timestamp }: OutboxEntry): number {
    const age = Date.now() - timestamp;
    // A clock that was put back makes it of the future.
    return this.#own.has(id) || age < 0 ? 0 : Math.max(0, OTHERS_MS - age);
  }

  /** Called ahead of `merged`: what becomes due between the two is then seen by the second. */
  #lookAgain(): void {
    clearTimeout(this.#timer);
    const waits = this.entries().map((entry) => (isFailed(entry) ? 0 : this.#wait(entry)));
    const first = Math.min(...waits.filter((wait) => wait > 0));
    if (first === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#lookAgain();
      this.#handlers.merged();
    }, first);
  }

  async #store(action: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(() => withDeadline(action()));
    this.#last = turn.catch(() => {});
    try {
      await turn;
      this.#isFailing = false;
    } catch (error) {
      // Once for each time that it begins to fail, not with every message.
      if (!this.#isFailing && !this.#isClosed) this.#handlers.failed(error);
      this.#isFailing = true;
      // What is missing there from now on need not have been settled by others.
      for (const [id, entry] of this.#entries) {
        if (this.#own.has(id) && !isFailed(entry)) this.#unsaved.add(id);
      }
    }
  }
}

function isFailed(entry: OutboxEntry): entry is OutboxMessage & { readonly problem: Problem } {
  return entry.kind === 'message' && entry.problem !== undefined;
}

function withDeadline(promise: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The storage does not answer.')), STORAGE_MS);
  });
  return Promise.race([promise, deadline]).finally(() => clearTimeout(timer));
}
