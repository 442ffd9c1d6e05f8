import 'fake-indexeddb/auto';
import { randomUUID } from 'node:crypto';
import { indexedDbStorage, memoryStorage } from '@parley/client';
import { expect, test } from 'vitest';
import { entry, storageContract } from './storage-contract.ts';

storageContract(
  'memory',
  () => {
    const storage = memoryStorage();
    return () => storage;
  },
  { notices: false },
);

storageContract(
  'IndexedDB',
  () => {
    const name = randomUUID();
    return () => indexedDbStorage(name);
  },
  { notices: true },
);

test('a database that was taken away is told of once, and made again', async () => {
  const name = randomUUID();
  const storage = indexedDbStorage(name);
  await storage.add(entry('a'));
  // A newer version elsewhere, or the person who clears the data of the site.
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(name).onsuccess = resolve;
  });
  await expect(storage.load()).rejects.toThrow('emptied');
  await storage.add(entry('b'));
  expect(await storage.load()).toEqual([entry('b')]);
});
