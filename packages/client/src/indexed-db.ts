/** The outbox's storage in browsers and their workers: IndexedDB, shared by the tabs of an origin. */
import type { OutboxEntry, OutboxStorage } from './storage.ts';

const ENTRIES = 'entries';

// As much of IndexedDB as is used, so that whoever compiles this file needs no types of browsers.
interface Request<Result> {
  readonly result: Result;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}
interface Cursor {
  update(entry: OutboxEntry): unknown;
  delete(): unknown;
}
interface Store {
  readonly transaction: Transaction;
  add(entry: OutboxEntry): Request<unknown>;
  getAll(): Request<OutboxEntry[]>;
  createIndex(name: string, path: string, options: { unique: boolean }): unknown;
  index(name: string): { openCursor(key: string): Request<Cursor | null> };
}
interface Transaction {
  readonly error: unknown;
  objectStore(name: string): Store;
  commit(): void;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
}
interface Database {
  createObjectStore(name: string, options: { autoIncrement: boolean }): Store;
  transaction(name: string, mode: Mode): Transaction;
  close(): void;
  onversionchange: (() => void) | null;
  onclose: (() => void) | null;
}
type Mode = 'readonly' | 'readwrite';
type Opening = Request<Database> & { onupgradeneeded: (() => void) | null };
const browser = globalThis as unknown as {
  readonly indexedDB?: { open(name: string, version: number): Opening };
};

/** Whether this is a browser, which has one; whether it may be used shows when it is. */
export function hasIndexedDb(): boolean {
  return 'indexedDB' in globalThis;
}

/**
 * Keeps entries in the IndexedDB database `name`. Tabs and workers of the origin that use the same
 * name share them and tell each other of changes. Name it after the person where several may use
 * the same browser.
 *
 * @example
 * const client = createClient({ url, storage: indexedDbStorage(`outbox of ${userId}`) });
 */
export function indexedDbStorage(name: string): OutboxStorage {
  let opened: Promise<Database> | undefined;
  let wasOpen = false;
  let channel: InstanceType<typeof BroadcastChannel> | undefined;

  function open(): Promise<Database> {
    opened ??= new Promise<Database>((resolve, reject) => {
      if (!browser.indexedDB) throw new Error('There is no IndexedDB here.');
      const request = browser.indexedDB.open(name, 1);
      let isCreated = false;
      request.onupgradeneeded = () => {
        isCreated = true;
        // A key of its own gives entries the order in which they were added, in any tab.
        const store = request.result.createObjectStore(ENTRIES, { autoIncrement: true });
        store.createIndex('id', 'id', { unique: true });
      };
      request.onsuccess = () => {
        const database = request.result;
        const isNew = wasOpen && isCreated;
        wasOpen = true;
        // Whoever deletes the database, or brings a newer version, must not wait for this tab.
        database.onversionchange = () => {
          database.close();
          opened = undefined;
        };
        database.onclose = () => {
          opened = undefined;
        };
        // Whoever relies on what was there has to know.
        if (isNew) {
          database.close();
          reject(new Error('The storage was emptied.'));
        } else resolve(database);
      };
      request.onerror = () => reject(request.error);
    });
    // What failed may succeed later.
    opened.catch(() => {
      opened = undefined;
    });
    return opened;
  }

  async function begin(mode: Mode): Promise<Transaction> {
    try {
      return (await open()).transaction(ENTRIES, mode);
    } catch (error) {
      // Browsers close databases of pages that slept; that shows only here.
      if (!(error instanceof DOMException) || error.name !== 'InvalidStateError') throw error;
      opened = undefined;
      return (await open()).transaction(ENTRIES, mode);
    }
  }

  async function run<Result>(
    mode: Mode,
    action: (store: Store) => Request<Result>,
  ): Promise<Result> {
    const transaction = await begin(mode);
    return new Promise((resolve, reject) => {
      const request = action(transaction.objectStore(ENTRIES));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  async function change<Result>(
    action: (store: Store) => Request<Result>,
    takenBack: string | null = null,
  ): Promise<void> {
    await run('readwrite', action);
    channel?.postMessage(takenBack);
  }

  function atEntry(
    id: string,
    act: (cursor: Cursor) => void,
    takenBack: string | null = null,
  ): Promise<void> {
    return change((store) => {
      const request = store.index('id').openCursor(id);
      request.onsuccess = () => {
        if (request.result) act(request.result);
      };
      return request;
    }, takenBack);
  }

  return {
    load: () => run('readonly', (store) => store.getAll()),
    add: (entry) =>
      change((store) => {
        const request = store.add(entry);
        // A page that is closed at this moment commits what was asked for.
        store.transaction.commit();
        return request;
      }),
    replace: (entry) => atEntry(entry.id, (cursor) => cursor.update(entry)),
    remove: (id, isTakenBack) => atEntry(id, (cursor) => cursor.delete(), isTakenBack ? id : null),
    subscribe(listener) {
      channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => listener(data ?? undefined);
      return () => channel?.close();
    },
  };
}
