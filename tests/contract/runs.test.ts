import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import { SharedStore } from '../helpers/nodes.ts';
import { openSqlite, postgresOfFile } from './opened-stores.ts';
import { runsContract } from './runs-contract.ts';

runsContract('MemoryStore', { severalNodes: false }, async () => ({ store: new MemoryStore() }));
runsContract('MemoryStore of several nodes', { severalNodes: true }, async () => ({
  store: new SharedStore(),
}));
runsContract('SQLite', { severalNodes: false }, openSqlite);
runsContract('PostgreSQL', { severalNodes: true }, postgresOfFile());
