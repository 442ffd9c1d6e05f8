/**
 * Where a store is moved to: a schema beside the one that servers use, until all of it is there and checked.
 * So none of them ever sees a part of it, and how far it has come is what is in it.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { maskAddress, openPool, SCHEMA } from '../postgres/connection.ts';
import { MIGRATIONS } from '../postgres/migrations.ts';
import { bringUpToDate, LOCK } from '../postgres/schema.ts';
import { StoreError } from '../store.ts';
import { type Key, keyOf, type Row, TABLES, type Table } from './tables.ts';

export const MOVING = 'parley_moving';
/** Held for as long as the connection. */
const MOVE_LOCK = `SELECT pg_try_advisory_lock(hashtext('parley'), hashtext('move')) AS locked`;
/** How long a connection of a move that was killed may need to end, milliseconds. */
const LOCK_TIME = 10_000;
const LOCK_PAUSE = 100;

export class Target {
  readonly #pool: Pool;
  readonly #client: PoolClient;
  readonly #url: string;

  private constructor(pool: Pool, client: PoolClient, url: string) {
    this.#pool = pool;
    this.#client = client;
    this.#url = url;
  }

  /** @throws StoreError where another process moves a store to the same place. */
  static async open(url: string): Promise<Target> {
    const pool = openPool(url, 'mover', 1, MOVING);
    try {
      const client = await pool.connect();
      const target = new Target(pool, client, url);
      await target.#lock().catch((error: unknown) => {
        client.release(true);
        throw error;
      });
      return target;
    } catch (error) {
      await pool.end();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#client.release(true);
    await this.#pool.end();
  }

  /**
   * Whether a store of this digest was moved here already, and when.
   *
   * @throws StoreError where there are sessions of anything else.
   */
  async findMoved(digest: string): Promise<Date | undefined> {
    const [there] = await this.#rows<{ store: boolean; moved: boolean }>(
      `SELECT to_regclass('${SCHEMA}.sessions') IS NOT NULL AS store,
         to_regclass('${SCHEMA}.move') IS NOT NULL AS moved`,
    );
    const [move] = there?.moved
      ? await this.#rows<{ digest: string; at: Date }>(`SELECT digest, at FROM ${SCHEMA}.move`)
      : [];
    if (move?.digest === digest) return move.at;
    if (there?.store) await this.#expectEmpty(move?.at);
    return undefined;
  }

  /** Makes room for a store of this digest. `continued`: a part of it is there already. */
  async begin(digest: string): Promise<'new' | 'continued' | 'anew'> {
    const [there] = await this.#rows<{ moving: boolean }>(
      `SELECT to_regclass('${MOVING}.move') IS NOT NULL AS moving`,
    );
    const [move] = there?.moving
      ? await this.#rows<{ digest: string; version: number }>('SELECT * FROM move, schema_version')
      : [];
    if (move?.digest === digest && move.version === MIGRATIONS.length) return 'continued';
    // What is in it was read from the store before it was changed, or from another one.
    await this.#client.query(`DROP SCHEMA IF EXISTS ${MOVING} CASCADE`);
    await this.#client.query('BEGIN');
    await bringUpToDate(this.#client, this.#url, MOVING);
    await this.#client.query('CREATE TABLE move (digest TEXT NOT NULL, at TIMESTAMPTZ NOT NULL)');
    await this.#client.query('INSERT INTO move VALUES ($1, now())', [digest]);
    await this.#client.query('COMMIT');
    return move ? 'anew' : 'new';
  }

  /** The last row that is there: batches are committed in the order of their keys. */
  async lastKey(table: Table): Promise<Key | undefined> {
    const [last] = await this.#rows<Row>(
      `SELECT ${table.key.join(', ')} FROM ${table.name}
       ORDER BY ${table.key.map((column) => `${column} DESC`).join(', ')} LIMIT 1`,
    );
    return last && keyOf(table, last);
  }

  /** All of them, or none. */
  async insert({ name }: Table, rows: readonly Row[]): Promise<void> {
    const columns = Object.keys(rows[0] ?? {}).join(', ');
    await this.#client.query({
      text: `INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE
        SELECT ${columns} FROM json_populate_recordset(NULL::${name}, $1)`,
      values: [JSON.stringify(rows)],
    });
  }

  /** The rows after one key and up to another, in their order. */
  async read({ name, key }: Table, after?: Key, through?: Key): Promise<readonly Row[]> {
    const values: (string | number)[] = [];
    const bound = (operator: string, limit: Key | undefined) =>
      limit
        ? `(${key.join(', ')}) ${operator} (${limit.map((value) => `$${values.push(value)}`).join(', ')})`
        : 'true';
    const rows = await this.#rows<{ row: Row }>(
      `SELECT to_json(t) AS row FROM ${name} t
       WHERE ${bound('>', after)} AND ${bound('<=', through)} ORDER BY ${key.join(', ')}`,
      values,
    );
    return rows.map(({ row }) => row);
  }

  /**
   * Puts it where servers find it, in place of an empty store, in one transaction.
   *
   * @throws StoreError where there are sessions by now.
   */
  async finish(): Promise<void> {
    for (const { name } of TABLES) await this.#client.query(`ANALYZE ${name}`);
    await this.#client.query('BEGIN');
    // No server starts meanwhile, and one that runs on the empty store writes before or after, not in between.
    await this.#client.query(LOCK);
    const [there] = await this.#rows<{ store: boolean }>(
      `SELECT to_regclass('${SCHEMA}.sessions') IS NOT NULL AS store`,
    );
    if (there?.store) {
      await this.#client.query(`LOCK TABLE ${SCHEMA}.sessions`);
      await this.#expectEmpty();
    }
    // What else somebody keeps in a schema of this name is not ours to drop.
    await this.#client.query(`DROP SCHEMA IF EXISTS ${SCHEMA} ${there?.store ? 'CASCADE' : ''}`);
    // New rows are numbered after those that were moved.
    for (const name of ['sessions', 'events']) {
      await this.#client.query(
        `SELECT setval(pg_get_serial_sequence('${name}', 'id'), coalesce(max(id), 0) + 1, false) FROM ${name}`,
      );
    }
    await this.#client.query('UPDATE move SET at = now()');
    await this.#client.query(`ALTER SCHEMA ${MOVING} RENAME TO ${SCHEMA}`);
    await this.#client.query('COMMIT');
  }

  async #lock(): Promise<void> {
    for (const until = performance.now() + LOCK_TIME; ; await wait(LOCK_PAUSE)) {
      const [lock] = await this.#rows<{ locked: boolean }>(MOVE_LOCK);
      if (lock?.locked) return;
      if (performance.now() > until) {
        throw new StoreError(
          `Another process is moving a store to ${maskAddress(this.#url)}. Let it finish, or stop it.`,
        );
      }
    }
  }

  async #expectEmpty(moved?: Date): Promise<void> {
    const [found] = await this.#rows<{ count: number }>(`SELECT count(*) FROM ${SCHEMA}.sessions`);
    if (!found?.count) return;
    const whose = moved
      ? `from a move of ${moved.toISOString()}, of another store or of this one before it was used again`
      : 'that are not from here';
    throw new StoreError(
      `The database ${maskAddress(this.#url)} has sessions (${found.count}) ${whose}. Expected one ` +
        'without: name an empty database (createdb makes one), or, where nobody needs what is in it, ' +
        `take it away first: DROP SCHEMA ${SCHEMA} CASCADE.`,
    );
  }

  async #rows<Found>(text: string, values: unknown[] = []): Promise<Found[]> {
    return (await this.#client.query(text, values)).rows as Found[];
  }
}
