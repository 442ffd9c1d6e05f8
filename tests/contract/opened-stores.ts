/** The stores that contracts are held against, and what every contract does with them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, onTestFinished } from 'vitest';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { STORE_LIMITS, type Store } from '../../packages/gateway/src/stores/store.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { newSession } from './store-records.ts';

export interface OpenedStore {
  readonly store: Store;
  /** Closes the store and opens it again on the same data. Absent: it keeps nothing beyond `close`. */
  readonly reopen?: () => Promise<Store>;
}

async function reopenable(open: () => Promise<Store>): Promise<OpenedStore> {
  const store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      return open();
    },
  };
}

/** In a directory of the test's own. */
export async function openSqlite(): Promise<OpenedStore> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-store-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return reopenable(() => openSqliteStore(directory));
}

/** Of a server of the file's own; what it opens is empty. */
export function postgresOfFile(): () => Promise<OpenedStore> {
  let postgres: Postgres | undefined;
  let url = '';
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.newDatabase();
  });
  afterAll(() => postgres?.stop());
  return async () => {
    // Cheaper than a database for each.
    await postgres?.query(url, 'DROP SCHEMA IF EXISTS parley CASCADE');
    return reopenable(() => openPostgresStore(url));
  };
}

/** Opens stores with these sessions in them, and closes them when their test ends. */
export function storesOf(open: () => Promise<OpenedStore>) {
  const opened: Store[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  async function setUp(...sessions: string[]): Promise<OpenedStore> {
    const result = await open();
    opened.push(result.store);
    for (const id of sessions) await result.store.createSession(newSession(id));
    return result;
  }
  return {
    setUp,
    openStore: async (...sessions: string[]): Promise<Store> => (await setUp(...sessions)).store,
    /** The same store, after a restart where it survives one. */
    async restart({ store, reopen }: OpenedStore): Promise<Store> {
      if (!reopen) return store;
      const again = await reopen();
      opened.push(again);
      return again;
    },
  };
}

/** The log of a session, as far as one page goes. */
export async function readAll(store: Store, session: string) {
  return (await store.readSession(session, { limit: STORE_LIMITS.page }))?.events ?? [];
}
