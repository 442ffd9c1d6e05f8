import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { storeContract } from './store-contract.ts';

storeContract('MemoryStore', async () => ({ store: new MemoryStore() }));

storeContract('SQLite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-store-'));
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
