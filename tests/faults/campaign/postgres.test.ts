/** PostgreSQL is killed under load. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openPostgresStore } from '../../../packages/gateway/src/stores/postgres.ts';
import { StoreError } from '../../../packages/gateway/src/stores/store.ts';
import { expectWholeLog, newMessage, newSession } from '../../contract/store-records.ts';
import { startPostgres } from '../../helpers/postgres.ts';

const KILLS = 50;

test('[R2][R3] a server that is killed under load loses and doubles nothing, and work goes on', async () => {
  const postgres = await startPostgres({ durable: true });
  onTestFinished(() => postgres.stop());
  const url = await postgres.newDatabase();
  const store = await openPostgresStore(url);
  onTestFinished(() => store.close());
  await store.createSession(newSession('s'));
  // A server's default must not weaken what an acknowledgement means.
  await postgres.query(url, `ALTER DATABASE ${url.split('/').at(-1)} SET synchronous_commit = off`);
  const acknowledged = new Map<string, number>();
  const refused: unknown[] = [];
  let isOver = false;
  let number = 0;
  const writers = Array.from({ length: 20 }, async () => {
    while (!isOver) {
      number += 1;
      const id = `m${number}`;
      try {
        const result = await store.appendMessage(newMessage('s', id));
        // Each was sent once by its caller: a duplicate would be a write that was told wrongly.
        expect(result.outcome).toBe('appended');
        if (result.outcome === 'appended') acknowledged.set(id, result.seq);
      } catch (error) {
        expect(error).toBeInstanceOf(StoreError);
        refused.push(id);
        await wait(5);
      }
    }
  });
  for (let round = 0; round < KILLS; round += 1) {
    const enough = acknowledged.size + 300;
    await expect.poll(() => acknowledged.size, { timeout: 5_000 }).toBeGreaterThan(enough);
    await postgres.kill();
    await expect(store.check()).rejects.toThrow(StoreError);
    await postgres.start();
    const back = performance.now();
    await store.check();
    expect(performance.now() - back).toBeLessThan(2_000);
  }
  isOver = true;
  await Promise.all(writers);
  const found = await expectWholeLog(store, 's');
  for (const [id, seq] of acknowledged) expect(found.get(id), id).toBe(seq);
  // A refusal means that nothing was written.
  expect(found.size).toBe(acknowledged.size);
  expect(refused.length).toBeGreaterThan(0);
});
