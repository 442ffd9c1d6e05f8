/** What only SQLite promises: to files, processes and the disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import type Sqlite from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openForWriting } from '../../packages/gateway/src/stores/sqlite/schema.ts';
import { SqliteThread } from '../../packages/gateway/src/stores/sqlite/thread.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { type Store, StoreError } from '../../packages/gateway/src/stores/store.ts';
import { identityOf, newMessage, newSession } from './store-records.ts';

/** The gateway's own, which the tests' package does not depend on. */
const Database = createRequire(
  new URL('../../packages/gateway/src/stores/sqlite/schema.ts', import.meta.url),
)('better-sqlite3') as typeof Sqlite;

async function newDirectory(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'parley-sqlite-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  return join(parent, 'data');
}

async function openStore(directory: string): Promise<Store> {
  const store = await openSqliteStore(directory);
  onTestFinished(() => store.close());
  return store;
}

function openDatabase(directory: string): Sqlite.Database {
  const db = new Database(join(directory, 'parley.sqlite'));
  onTestFinished(() => {
    db.close();
  });
  return db;
}

/** A process that appends until it is killed. `acknowledged` grows by what it has printed. */
function spawnAppender(directory: string) {
  const script = new URL('./fixtures/append-until-killed.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const acknowledged = new Map<number, number>();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const [number = 0, seq = 0] = line.split(' ').map(Number);
    acknowledged.set(number, seq);
  });
  return {
    child,
    acknowledged,
    async until(count: number): Promise<void> {
      while (acknowledged.size < count) await once(lines, 'line');
    },
    async kill(): Promise<void> {
      const closed = once(lines, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

test('[R2] every commit is synced: WAL, synchronous=FULL, foreign keys', async () => {
  const directory = await newDirectory();
  await (await openStore(directory)).close();
  const db = openForWriting(join(directory, 'parley.sqlite'));
  onTestFinished(() => {
    db.close();
  });
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  expect(db.pragma('synchronous', { simple: true })).toBe(2);
  expect(db.pragma('foreign_keys', { simple: true })).toBe(1);
});

test('directory and files are for their owner only', async () => {
  const directory = await newDirectory();
  const store = await openStore(directory);
  await store.createSession(newSession('s'));
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  const files = await readdir(directory);
  expect(files).toContain('parley.sqlite-wal');
  for (const file of files) {
    expect((await stat(join(directory, file))).mode & 0o777, file).toBe(0o600);
  }
});

test('[R12] a second open in the same process is refused in words', async () => {
  const directory = await newDirectory();
  const store = await openStore(directory);
  for (let time = 0; time < 2; time += 1) {
    const refused = await openSqliteStore(directory).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StoreError);
    expect((refused as Error).message).toBe(
      `The data directory ${directory} is in use by this very process (${process.pid}). Only one ` +
        'process may use it at a time: stop that one, or give this one another data directory.',
    );
  }
  expect(await store.createSession(newSession('s'))).toMatchObject({ created: true });
  await store.close();
  expect(await (await openStore(directory)).getSession('s')).toMatchObject({ id: 's' });
});

test('[R12] a second process is refused for as long as the first one lives', async () => {
  const directory = await newDirectory();
  const { child, until, kill } = spawnAppender(directory);
  await until(1);
  await expect(openSqliteStore(directory)).rejects.toThrow(`in use by process ${child.pid}.`);
  await kill();
  await openStore(directory);
});

test('[R2] what was acknowledged is there after kill -9, and nothing has a hole', async () => {
  const directory = await newDirectory();
  for (let round = 1; round <= 3; round += 1) {
    const { acknowledged, until, kill } = spawnAppender(directory);
    await until(400 * round);
    await kill();
    const store = await openSqliteStore(directory);
    for (const [number, seq] of acknowledged) {
      const repeated = await store.appendMessage(newMessage('s', `m${number}`));
      expect(repeated).toMatchObject({ outcome: 'duplicate', seq });
    }
    const last = (await store.getSession('s'))?.lastSeq ?? 0;
    expect(last).toBeGreaterThanOrEqual(acknowledged.size);
    for (let after = 0; after < last; ) {
      const { events = [] } = (await store.readSession('s', { after, limit: 1_000 })) ?? {};
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => after + index + 1));
      after += events.length;
    }
    expect(await store.unfinishedRuns()).toHaveLength(last);
    await store.deleteSession(identityOf('s'));
    await store.close();
  }
});

test('[R2] event loop and reads go on while a commit waits for the disk', async () => {
  const directory = await newDirectory();
  const store = await openStore(directory);
  await store.createSession(newSession('s'));
  await store.appendMessage(newMessage('s', 'm1'));
  const disk = openDatabase(directory);
  // Whoever holds this lock keeps the writer waiting, as a slow disk does.
  disk.exec('BEGIN IMMEDIATE');
  let acknowledged = false;
  const append = store.appendMessage(newMessage('s', 'm2')).then((outcome) => {
    acknowledged = true;
    return outcome;
  });
  for (let reads = 0; reads < 20; reads += 1) {
    await turn();
    expect(await store.readSession('s', { limit: 10 })).toMatchObject({ session: { lastSeq: 1 } });
    expect(await store.search({ person: 'ann', text: 'text', limit: 10 })).toHaveLength(1);
  }
  expect(acknowledged).toBe(false);
  disk.exec('COMMIT');
  expect(await append).toMatchObject({ outcome: 'appended', seq: 2 });
});

test('[R12] a database of a newer version is refused in words and left as it is', async () => {
  const directory = await newDirectory();
  await (await openStore(directory)).close();
  const db = openDatabase(directory);
  const version = db.pragma('user_version', { simple: true });
  db.pragma('user_version = 7');
  await expect(openSqliteStore(directory)).rejects.toThrow(
    /has schema version 7, and this version of Parley knows only versions up to \d+\. Run/,
  );
  // It has let go of the directory.
  db.pragma(`user_version = ${version}`);
  await openStore(directory);
});

test('[R12] what is not a database is refused in words', async () => {
  const directory = await newDirectory();
  await (await openStore(directory)).close();
  await writeFile(join(directory, 'parley.sqlite'), 'a text file, and a long one. '.repeat(1_000));
  const refused = await openSqliteStore(directory).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StoreError);
  expect(refused).toMatchObject({
    message: expect.stringContaining('Use another data directory.'),
    cause: { code: 'SQLITE_NOTADB' },
  });
});

test('directories are made where there are none, each for its owner alone', async () => {
  const parent = await newDirectory();
  await openStore(join(parent, 'one', 'two'));
  for (const path of ['one', 'one/two']) {
    expect((await stat(join(parent, path))).mode & 0o777).toBe(0o700);
  }
});

test('[R12] a directory that cannot be made or used is refused in words, and at once', async () => {
  const parent = await newDirectory();
  await (await openStore(parent)).close();
  const file = join(parent, 'parley.sqlite');
  await symlink(join(parent, 'nowhere', 'at-all'), join(parent, 'link'));
  const notADirectory = `${file} is not a directory`;
  const linux: readonly (readonly [path: string, reason: string])[] = [
    // These say of every new name that it does not exist, or that it may not be there.
    ['/proc/foo', 'its file system takes no new files'],
    ['/proc/foo/data', 'its file system takes no new files'],
    ['/sys/foo', process.getuid?.() === 0 ? 'nothing may be written there' : 'this user may not'],
  ];
  const refused = [
    [file, notADirectory],
    [join(file, 'data'), notADirectory],
    [join(file, 'data', 'below'), notADirectory],
    [join(parent, 'link'), 'a link that leads nowhere is in its place'],
    [join(parent, 'x'.repeat(300)), 'its name is too long'],
    ...(process.platform === 'linux' ? linux : []),
  ] as const;
  for (const [path, reason] of refused) {
    await expect(openSqliteStore(path), path).rejects.toThrow(
      `The data directory ${path} cannot be used: ${reason}`,
    );
  }
});

// A third of a gigabyte: on a busy disk that takes its time.
test('the write-ahead log does not grow without bound, and close leaves none', async () => {
  const directory = await newDirectory();
  const store = await openStore(directory);
  await store.createSession(newSession('s'));
  const content = 'x'.repeat(60_000);
  const sizes: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    const messages = Array.from({ length: 700 }, (_, index) =>
      newMessage('s', `m${round}-${index}`, { content, fingerprint: '' }),
    );
    await Promise.all(messages.map((message) => store.appendMessage(message)));
    sizes.push((await stat(join(directory, 'parley.sqlite-wal'))).size);
  }
  expect(Math.max(...sizes)).toBeLessThan(200 * 2 ** 20);
  await store.close();
  expect(await readdir(directory)).not.toContain('parley.sqlite-wal');
}, 120_000);

test('a worker that dies rejects what it has not answered and is replaced', async () => {
  interface Calls {
    echo(value: number): number;
    die(): void;
  }
  const entry = new URL('./fixtures/dying-worker.ts', import.meta.url);
  const thread = new SqliteThread<Calls>(entry, undefined);
  onTestFinished(() => thread.close());
  expect(await thread.call('echo', 1)).toBe(1);
  const lost = await Promise.allSettled([thread.call('die'), thread.call('echo', 2)]);
  for (const result of lost) {
    expect(result).toMatchObject({ reason: expect.any(StoreError) });
    expect(result).toMatchObject({ reason: { cause: { message: 'the worker was told to die' } } });
  }
  expect(await thread.call('echo', 3)).toBe(3);
});
