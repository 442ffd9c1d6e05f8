import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { openSqlite, postgresOfFile } from './opened-stores.ts';
import { storeContract } from './store-contract.ts';

storeContract('MemoryStore', async () => ({ store: new MemoryStore() }));
storeContract('SQLite', openSqlite);
storeContract('PostgreSQL', postgresOfFile());
