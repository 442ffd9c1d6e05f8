/** What every `OutboxStorage` has to do, whoever makes it. */
import type { OutboxEntry, OutboxMessage, OutboxStorage } from '@parley/client';
import { describe, expect, test } from 'vitest';

export function entry(id: string, more: Partial<OutboxMessage> = {}): OutboxMessage {
  return {
    kind: 'message',
    id,
    sessionId: 'session',
    timestamp: 1,
    text: `text of ${id}`,
    ...more,
  };
}

/** `open` opens the same place each time within a test, as the tabs of a browser do. */
export function storageContract(
  name: string,
  place: () => () => OutboxStorage,
  { notices }: { notices: boolean },
): void {
  describe(`${name}, as a storage`, () => {
    test('gives entries in the order in which they were added, by whomever', async () => {
      const open = place();
      const [one, other] = [open(), open()];
      await one.add(entry('a'));
      await other.add(entry('c'));
      await one.add(entry('b'));
      const session: OutboxEntry = { kind: 'session', id: 's', sessionId: 's', timestamp: 2 };
      await other.add(session);
      const loaded = await open().load();
      expect(loaded).toEqual([entry('a'), entry('c'), entry('b'), session]);
      expect(await one.load()).toEqual(loaded);
    });

    test('a replaced entry keeps its place', async () => {
      const storage = place()();
      for (const id of ['a', 'b', 'c']) await storage.add(entry(id));
      const failed = entry('b', { problem: { code: 'AGENT_NOT_FOUND', message: 'No.' } });
      await storage.replace(failed);
      expect(await storage.load()).toEqual([entry('a'), failed, entry('c')]);
    });

    test('what one has removed, another cannot bring back', async () => {
      const open = place();
      const [one, other] = [open(), open()];
      await one.add(entry('a'));
      await other.load();
      await one.remove('a');
      await other.replace(entry('a', { text: 'again' }));
      await other.remove('a');
      expect(await one.load()).toEqual([]);
    });

    test.runIf(notices)('others are told of every change', async () => {
      const open = place();
      const [one, other] = [open(), open()];
      let told = Promise.withResolvers<void>();
      const stop = other.subscribe?.(() => told.resolve());
      const stopOne = one.subscribe?.(() => {});
      for (const change of [
        () => one.add(entry('a')),
        () => one.replace(entry('a', { text: 'b' })),
        () => one.remove('a'),
      ]) {
        told = Promise.withResolvers<void>();
        await change();
        await told.promise;
      }
      stop?.();
      stopOne?.();
    });

    test.runIf(notices)('others are told what was taken back', async () => {
      const open = place();
      const [one, other] = [open(), open()];
      const told: (string | undefined)[] = [];
      const all = Promise.withResolvers<void>();
      const stop = other.subscribe?.((takenBack) => {
        if (told.push(takenBack) === 4) all.resolve();
      });
      const stopOne = one.subscribe?.(() => {});
      for (const id of ['accepted', 'taken back']) await one.add(entry(id));
      await one.remove('accepted');
      await one.remove('taken back', true);
      await all.promise;
      expect(told).toEqual([undefined, undefined, undefined, 'taken back']);
      stop?.();
      stopOne?.();
    });
  });
}
