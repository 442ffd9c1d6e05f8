import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { SharedStore } from '../helpers/nodes.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { runsContract } from './runs-contract.ts';

let postgres: Postgres;
let url: string;
beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.newDatabase();
});
afterAll(() => postgres?.stop());

runsContract('MemoryStore', { severalNodes: false }, async () => ({ store: new MemoryStore() }));
runsContract('MemoryStore of several nodes', { severalNodes: true }, async () => ({
  store: new SharedStore(),
}));

runsContract('SQLite', { severalNodes: false }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-runs-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const store = await openSqliteStore(directory);
  return {
    store,
    reopen: async () => {
      await store.close();
      return openSqliteStore(directory);
    },
  };
});

runsContract('PostgreSQL', { severalNodes: true }, async () => {
  await postgres.query(url, 'DROP SCHEMA IF EXISTS parley CASCADE');
  const store = await openPostgresStore(url);
  return {
    store,
    reopen: async () => {
      await store.close();
      return openPostgresStore(url);
    },
  };
});
