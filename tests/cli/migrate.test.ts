/** `parley migrate` as a process of its own, between a real SQLite store and a real PostgreSQL. */
import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServerMessage } from '@parley/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { moveStore } from '../../packages/gateway/src/stores/move.ts';
import { openPostgresStore } from '../../packages/gateway/src/stores/postgres.ts';
import { openSqliteStore } from '../../packages/gateway/src/stores/sqlite.ts';
import { identityOf, newMessage, newSession } from '../contract/store-records.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { type Postgres, startPostgres } from '../helpers/postgres.ts';
import { BLACK_HOLE, proxyBefore } from '../helpers/proxy.ts';
import { puppet } from '../helpers/puppet.ts';
import { between, chooseSeed, seeded } from '../helpers/seeded.ts';
import { TestSocket } from '../helpers/socket.ts';
import { expectMoved } from './moved-rows.ts';
import { parley, start } from './parley.ts';
import { asKept, fill, leaveUnfinished, read } from './whole-store.ts';

let postgres: Postgres;
let filled: Awaited<ReturnType<typeof fill>>;
let filledDir: string;
beforeAll(async () => {
  filledDir = await temporaryDirectory(afterAll);
  [postgres, filled] = await Promise.all([startPostgres(), fill(filledDir)]);
});
afterAll(() => postgres?.stop());

/** What a person says to a server on one machine. */
async function converse(
  dataDir: string,
): Promise<{ message: Record<string, unknown>; ack: ServerMessage }> {
  const { gateway, ws } = await startGateway({ store: 'sqlite:', dataDir, agent: 'echo' });
  const socket = await TestSocket.open(ws);
  const session_id = await socket.create();
  const message = {
    ...{ type: 'chat_message', message_id: 'before', session_id },
    data: { content: 'said before \u0000 the move' },
  };
  socket.send(message);
  const ack = await socket.next('message_ack');
  await socket.next('agent_response');
  await gateway.close();
  return { message, ack };
}

/** Of the store with everything in it, for one test to use. */
async function copyOfFilled(): Promise<string> {
  const dataDir = await temporaryDirectory();
  await cp(filledDir, dataDir, { recursive: true });
  return dataDir;
}

const hashOf = async (dataDir: string) =>
  createHash('sha256')
    .update(await readFile(join(dataDir, 'parley.sqlite')))
    .digest('hex');

const migrate = (dataDir: string, url: string, cwd: string) =>
  parley(['migrate', '--data-dir', dataDir], { cwd, env: { PARLEY_STORE: url } });

/** The same without a process of its own, where it is not about one. */
const move = (dataDir: string, url: string) => moveStore({ dataDir, url, report() {}, begun() {} });

type Killed = 'process' | 'database';

/** Migrates until so many bytes have gone either way; then nothing more of it, and one of the two is killed. */
async function migrateFor(dataDir: string, url: string, bytes: number, killed: Killed) {
  const { proxy, through } = await proxyBefore(url);
  let isKilled = false;
  proxy.after(bytes, async () => {
    isKilled = true;
    proxy.shape(BLACK_HOLE);
    if (killed === 'process') return void running.process.kill('SIGKILL');
    await postgres.kill();
    proxy.cut();
  });
  const running = start(['migrate', '--data-dir', dataDir], { env: { PARLEY_STORE: through } });
  const status = await running.ended;
  proxy.close();
  return { status, isKilled };
}

/** Bytes in which it has copied some events, and those in which it compares them: it takes 3,000,000, about. */
const COPYING = 1_000_000;
const COMPARING = 2_000_000;

test('[R1][R3][R5][R10] a store that is moved under kill -9 of process and database is the same store', async () => {
  const seed = chooseSeed();
  console.log(`FAULT_SEED=${seed}`);
  const random = seeded(seed);
  const dataDir = await copyOfFilled();
  const url = await postgres.newDatabase();
  const before = await hashOf(dataDir);
  for (const killed of ['process', 'database', 'process'] as const) {
    const bytes = between(random, 1, COMPARING);
    const { status, isKilled } = await migrateFor(dataDir, url, bytes, killed);
    await postgres.start();
    // After the first time there may be less left than that.
    const ended = killed === 'process' ? 'SIGKILL' : 1;
    expect({ bytes, status }).toEqual({ bytes, status: isKilled ? ended : 0 });
  }
  const done = await migrate(dataDir, url, await temporaryDirectory());
  expect(done).toMatchObject({ status: 0, stderr: '' });
  expect(await hashOf(dataDir)).toBe(before);

  const { messages, contents } = filled;
  const opened = await openPostgresStore(url);
  const moved = await read(opened, messages).finally(() => opened.close());
  expect(asKept(moved)).toEqual(asKept(contents));
  expect(contents.runs).toHaveLength(5);
  expect(contents.repeated.every(({ outcome }) => outcome === 'duplicate')).toBe(true);
  expect(contents.found.every(({ length }) => length > 0)).toBe(true);
});

test('[R10] every column of every table is moved, whichever version added it', async () => {
  const dataDir = await copyOfFilled();
  const url = await postgres.newDatabase();
  expect(await move(dataDir, url)).toEqual({ outcome: 'moved' });
  await expectMoved(join(dataDir, 'parley.sqlite'), (sql) => postgres.query(url, sql));
});

test('[R3][R4][R10] a server on what was moved knows its messages, and takes unfinished answers up', async () => {
  const dataDir = await temporaryDirectory();
  const asked = await converse(dataDir);
  const source = await openSqliteStore(dataDir);
  await leaveUnfinished(source);
  await source.close();
  const url = await postgres.newDatabase();
  await move(dataDir, url);

  const { agent, next } = puppet();
  const { ws, http } = await startGateway({ agents: [agent, echoAgent], store: url });
  const first = await next();
  expect(first.input).toMatchObject({ message: 'text of m1', attempt: 3 });
  await first.finish();
  const socket = await TestSocket.open(ws);
  socket.send(asked.message);
  expect(await socket.next('message_ack')).toEqual(asked.ack);
  const found = await fetch(`${http}/api/search?q=bef`);
  expect(await found.json()).toMatchObject({
    data: { hits: [{ message_id: expect.anything() }, {}] },
  });
  // New rows have numbers of their own.
  socket.send({ ...asked.message, message_id: 'after' });
  expect((await socket.next('message_ack')).seq).toBe(3);

  const again = await migrate(dataDir, url, dataDir);
  expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('Nothing was done.')]);
});

test('[R1][R12] a row that is another one after the move is told, and no server sees any until it is moved anew', async () => {
  const dataDir = await copyOfFilled();
  const url = await postgres.newDatabase();
  const { status: killed } = await migrateFor(dataDir, url, COPYING, 'process');
  expect(killed).toBe('SIGKILL');
  await postgres.query(
    url,
    `SET search_path = parley_moving;
     UPDATE sessions SET title = 'another' WHERE key = 'shared';
     UPDATE members SET access = 'read' WHERE principal = 'ann';
     ALTER TABLE members ADD COLUMN later TEXT;
     UPDATE events SET data = replace(data, 'number', 'nummer'), words = NULL WHERE id = 30;
     DELETE FROM events WHERE id = 31;
     INSERT INTO sessions (id, key, incarnation, owner, agent, created_at, last_activity, invitation_epoch)
       OVERRIDING SYSTEM VALUE VALUES (77, 'planted', 'planted', 'eve', 'guide', 1, 1, 1)`,
  );
  const { status, stdout, stderr } = await migrate(dataDir, url, dataDir);
  expect(stdout).toContain('going on where it was');
  expect(stderr.split('\n').filter((line) => !line.includes('Rows that differ'))).toEqual([
    expect.stringContaining('parley_moving.sessions: id 3 has another title.'),
    expect.stringContaining('parley_moving.sessions: id 77 is not of the store.'),
    expect.stringContaining('members: session_id 3, principal ann has another access, later.'),
    expect.stringContaining('members: session_id 3, principal carl has another later.'),
    expect.stringContaining('members: session_id 3, principal zoë has another later.'),
    expect.stringContaining('events: id 30 has another data, words.'),
    expect.stringContaining('events: id 31 is missing.'),
    '',
  ]);
  expect(stderr).toContain('Rows that differ: 7.');
  expect(status).toBe(1);
  const [there] = await postgres.query(url, `SELECT to_regclass('parley.sessions') AS store`);
  expect(there).toEqual({ store: null });

  const used = await openSqliteStore(dataDir);
  await used.updateSession(identityOf('empty'), { title: 'used again' });
  await used.close();
  const anew = await migrate(dataDir, url, dataDir);
  expect([anew.status, anew.stdout]).toEqual([0, expect.stringContaining('anew')]);
  const store = await openPostgresStore(url);
  expect(await store.getSession('empty')).toMatchObject({ title: 'used again' });
  await store.close();
});

test('[R12] what cannot be moved, or not there, is refused in words', async () => {
  const cwd = await temporaryDirectory();
  const dataDir = join(cwd, 'data');
  const url = await postgres.newDatabase();
  const nothing = await migrate(dataDir, url, cwd);
  expect([nothing.status, nothing.stderr]).toEqual([
    1,
    expect.stringContaining(`There is no store in ${dataDir}: expected a file`),
  ]);

  const store = await openSqliteStore(dataDir);
  await store.createSession(newSession('s'));
  await expect(move(dataDir, url)).rejects.toThrow('is in use by this very process');
  await store.close();

  const other = await openPostgresStore(url);
  await other.createSession(newSession('of another'));
  await expect(move(dataDir, url)).rejects.toThrow(
    'has sessions (1) that are not from here. Expected one without',
  );
  // A server that runs on an empty store has the new one from then on.
  await other.deleteSession(identityOf('of another'));
  expect(await move(dataDir, url)).toEqual({ outcome: 'moved' });
  expect(await other.getSession('s')).toMatchObject({ id: 's' });
  expect((await other.appendMessage(newMessage('s', 'm'))).outcome).toBe('appended');
  await other.close();

  const used = await openSqliteStore(dataDir);
  await used.updateSession(identityOf('s'), { title: 'used again' });
  await used.close();
  await expect(move(dataDir, url)).rejects.toThrow(
    /has sessions \(1\) from a move of .* before it was used again/,
  );
});
