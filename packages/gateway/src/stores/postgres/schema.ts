/** Brings the database up to date, also when several nodes start at once. */
import type { Pool, PoolClient } from 'pg';
import { StoreError } from '../store.ts';
import { maskAddress, SCHEMA } from './connection.ts';
import { MIGRATIONS } from './migrations.ts';

/** Of those who start at once one migrates, and the others wait and find it done. */
export const LOCK = `SELECT pg_advisory_xact_lock(hashtext('parley'), hashtext('migrate'))`;

/**
 * @throws StoreError where the database was written by a newer version, or is not of UTF-8.
 * @throws the error of `pg` where the server fails.
 */
export async function migrate(pool: Pool, url: string): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(LOCK);
    await bringUpToDate(client, url);
    const found = await client.query('SELECT deployment FROM schema_version');
    await client.query('COMMIT');
    client.release();
    return found.rows[0]?.deployment;
  } catch (error) {
    // The server rolls back what is not committed when the connection ends.
    client.release(true);
    throw error;
  }
}

/** In the transaction of whoever calls. @param schema the one that the connection works in. */
export async function bringUpToDate(
  client: PoolClient,
  url: string,
  schema = SCHEMA,
): Promise<void> {
  const encoding = (await client.query('SHOW server_encoding')).rows[0]?.server_encoding;
  if (encoding !== 'UTF8') {
    throw new StoreError(
      `The database ${maskAddress(url)} keeps its texts as ${encoding}, which has no room for every ` +
        'text; expected UTF8. Create one with createdb --encoding=UTF8 --template=template0.',
    );
  }
  const version = await readVersion(client, schema);
  if (version > MIGRATIONS.length) {
    throw new StoreError(
      `The database ${maskAddress(url)} has schema version ${version}, and this version of Parley ` +
        `knows only versions up to ${MIGRATIONS.length}. Run the version that wrote it or a newer ` +
        'one, or use another database.',
    );
  }
  if (version < MIGRATIONS.length) {
    // A large database may take its time.
    await client.query('SET LOCAL statement_timeout = 0');
    for (const migration of MIGRATIONS.slice(version)) await client.query(migration);
    await client.query('UPDATE schema_version SET version = $1', [MIGRATIONS.length]);
  }
  // Of processes that ended without a word.
  await client.query(`DELETE FROM writers WHERE touched < now() - interval '1 day'`);
}

async function readVersion(client: PoolClient, schema: string): Promise<number> {
  const found = await client.query(
    `SELECT to_regclass('${schema}.schema_version') IS NOT NULL AS there`,
  );
  if (!found.rows[0]?.there) {
    await client.query(`
      CREATE SCHEMA IF NOT EXISTS ${schema};
      CREATE TABLE schema_version (
        version INTEGER NOT NULL, deployment UUID NOT NULL DEFAULT gen_random_uuid());
      INSERT INTO schema_version VALUES (0);`);
  }
  return (await client.query('SELECT version FROM schema_version')).rows[0]?.version;
}
