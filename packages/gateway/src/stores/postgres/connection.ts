/** Connections to the database, and what its errors mean in words. */
import { DatabaseError, Pool, types } from 'pg';
import { StoreError } from '../store.ts';

/** How long a connection may take, or a wait for a free one, milliseconds. */
const CONNECT_TIMEOUT = 5_000;
/** After so long the server gives a statement up, milliseconds; nothing of it was written then. */
const STATEMENT_TIMEOUT = 10_000;
/** After so long without an answer the connection counts as dead, milliseconds. */
const ANSWER_TIMEOUT = 12_000;
/** Of whoever moves a whole store, and keeps nobody waiting: for both, milliseconds. */
const MOVE_TIMEOUT = 600_000;

/** Where everything is kept: a schema of its own, so that nothing of the application that shares the database is touched. */
export const SCHEMA = 'parley';

/** Explicit, because servers differ in their defaults, and another one would lose what was acknowledged. */
const SETTINGS = `SET synchronous_commit = on;
  SET default_transaction_isolation = 'read committed'; SET statement_timeout = ${STATEMENT_TIMEOUT};
  SET idle_in_transaction_session_timeout = ${STATEMENT_TIMEOUT}; SET jit = off`;
/** Every statement of the writer finds rows by their keys, also where the tables were empty when it was planned. */
const WRITER_SETTINGS =
  'SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off';

const INT8 = 20;

export function openPool(
  url: string,
  role: 'writer' | 'reader' | 'mover',
  max: number,
  schema = SCHEMA,
): Pool {
  const pool = new Pool({
    connectionString: url,
    max,
    application_name: `parley ${role}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    query_timeout: role === 'mover' ? MOVE_TIMEOUT : ANSWER_TIMEOUT,
    keepAlive: true,
    types: {
      // Times and numbers of events: far below 2^53.
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
    onConnect: async (client) => {
      await client.query(`${SETTINGS}; SET search_path = ${schema}`);
      if (role === 'writer') await client.query(WRITER_SETTINGS);
      if (role === 'mover') await client.query(`SET statement_timeout = ${MOVE_TIMEOUT}`);
    },
  });
  // A connection was lost. One that is idle the pool throws away, and one in use has its call fail; without
  // listeners either would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    client.on('error', () => {});
  });
  return pool;
}

/**
 * The server has refused a statement and says so: nothing of it was written. Of any other error this is
 * not known, not even where the server says that it ends the connection.
 */
export function isRefusal(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.severity === 'ERROR';
}

const ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/^28/, 'Check user and password in the address, and the pg_hba.conf of the server.'],
  [/^3D000/, 'Create the database (createdb), or correct its name in the address.'],
  [/^42501/, 'Give the user the right to create a schema in the database, or make it its owner.'],
  [/^53100/, 'The disk of the server is full. Free space on it; everything acknowledged is kept.'],
  [/^53300/, 'The server has too many connections. Raise its max_connections.'],
  [/^57P03/, 'The server is starting or stopping. Try again in a moment.'],
  [/^57014/, 'The server was too slow, or another program holds a lock.'],
  [/^25006/, 'This server may only be read: name the primary in the address.'],
  [/^ECONNREFUSED/, 'Start the server, or correct host and port in the address.'],
  [/^(ENOTFOUND|EAI_AGAIN)/, 'There is no such host: correct it in the address.'],
  [/^ENOENT/, 'There is no such socket or file: correct the address.'],
];

export function toStoreError(error: unknown, url: string): StoreError {
  if (error instanceof StoreError) return error;
  const { message, code, errors } = error as Error & { code?: string; errors?: Error[] };
  // Where a name has several addresses, each has its own error.
  const said = message || errors?.map((each) => each.message).join(', ') || String(error);
  const advice = ADVICE.find(([pattern]) => code !== undefined && pattern.test(code))?.[1];
  const coded = code === undefined ? '' : ` (${code})`;
  return new StoreError(
    `The database ${maskAddress(url)} failed: ${said}${coded}.${advice ? ` ${advice}` : ''}`,
    { cause: error },
  );
}

/** An address without its password and its parameters, which may hold one too. */
export function maskAddress(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return 'postgres://***';
  const password = parsed.password === '' ? '' : ':***';
  const user = parsed.username === '' ? '' : `${parsed.username}${password}@`;
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}`;
}
