/** Group commit: what is called while a batch is being committed makes up the next one. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'pg';
import { type OnCommit, StoreError } from '../store.ts';
import { isRefusal, toStoreError } from './connection.ts';

/** Calls in one transaction. */
const MAX_CALLS = 256;
/** Characters of JSON in one transaction, unless a single call has more. */
const MAX_LENGTH = 4_194_304;
/** How long it is tried to find out what became of a batch whose connection was lost, milliseconds. */
const UNKNOWN_TIME = 60_000;
/** Between two tries, milliseconds, and as much again at random. */
const RETRY_PAUSE = 50;
/** Deadlock and serialization failure: the server has taken everything back and asks to try again. */
const TRY_AGAIN = /^40(P01|001)$/;
const TRIES = 5;

/** A call as the database takes it: see the type `call` in `session-functions.ts`. */
export type Call = { readonly method: string } & Readonly<Record<string, unknown>>;

interface Pending {
  readonly json: string;
  resolve(answer: unknown): void;
  reject(error: StoreError): void;
}

export class Writer {
  readonly #pool: Pool;
  readonly #url: string;
  readonly #onCommit: OnCommit;
  /** What the database knows this process by. */
  readonly #id = randomUUID();
  #number = 0;
  #queue: Pending[] = [];
  /** Calls in the batch that is being committed. */
  #underway = 0;
  #writing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(pool: Pool, url: string, onCommit: OnCommit) {
    this.#pool = pool;
    this.#url = url;
    this.#onCommit = onCommit;
  }

  /** How many calls have no answer yet. */
  get pending(): number {
    return this.#queue.length + this.#underway;
  }

  /** Answers come in the order of the calls. @throws StoreError */
  async call(call: Call): Promise<unknown> {
    if (this.#closed) throw new StoreError('The store is closed.');
    const json = JSON.stringify(call);
    return new Promise((resolve, reject) => {
      this.#queue.push({ json, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Waits for the answers to what was called before. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      // What a lost connection left open is looked after no longer than it takes to ask once more.
      this.#closing.abort();
      await this.#writing;
      await this.#pool.query('DELETE FROM writers WHERE id = $1', [this.#id]).catch(() => {});
      await this.#pool.end();
    })();
    return this.#closed;
  }

  async #write(): Promise<void> {
    // The calls of one turn of the event loop travel together.
    await new Promise(setImmediate);
    while (this.#queue.length > 0) {
      const batch = this.#take();
      this.#underway = batch.length;
      await this.#settle(batch);
    }
    this.#underway = 0;
    this.#writing = undefined;
  }

  #take(): Pending[] {
    let length = 0;
    const end = this.#queue.findIndex(({ json }, index) => {
      length += json.length;
      return index === MAX_CALLS || (index > 0 && length > MAX_LENGTH);
    });
    return this.#queue.splice(0, end === -1 ? this.#queue.length : end);
  }

  async #settle(batch: readonly Pending[]): Promise<void> {
    try {
      const began = performance.now();
      const answers = await this.#commit(batch);
      this.#onCommit((performance.now() - began) / 1_000);
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index]);
    } catch (error) {
      if (batch.length > 1 && isRefusal(error)) {
        // One of them is at fault. Each alone, only that one is refused.
        for (const each of batch) await this.#settle([each]);
        return;
      }
      const failure = toStoreError(error, this.#url);
      for (const { reject } of batch) reject(failure);
      if (isRefusal(error)) return;
      // The server cannot be reached: nobody waits for one attempt after the other.
      this.#refuseQueue(error);
    }
  }

  async #commit(batch: readonly Pending[]): Promise<readonly unknown[]> {
    this.#number += 1;
    const values = [this.#id, this.#number, `[${batch.map(({ json }) => json).join(',')}]`];
    let sent: number | undefined;
    let isLost = false;
    let refusal: Error | undefined;
    for (let tries = 1; ; tries += 1) {
      try {
        const client = await this.#pool.connect();
        sent ??= performance.now();
        try {
          const result = await client.query<{ answers: readonly unknown[] }>({
            name: 'write',
            text: 'SELECT write_batch($1, $2, $3) AS answers',
            values,
          });
          client.release();
          const answers = result.rows[0]?.answers ?? [];
          // The number is spent on nothing: what is still on its way under it will do nothing, too.
          if (refusal && answers.length === 0) throw refusal;
          return answers;
        } catch (error) {
          if (error !== refusal) client.release(!isRefusal(error));
          throw error;
        }
      } catch (error) {
        // It never left this process, so nothing was written.
        if (sent === undefined || error === refusal) throw error;
        if (isRefusal(error)) {
          const isTransient = TRY_AGAIN.test(error.code ?? '') && tries < TRIES;
          if (!isLost && !isTransient) throw error;
          // This try was refused, but an earlier one may be committed yet.
          if (isLost && !isTransient && !refusal) {
            refusal = error;
            values[2] = '[]';
          }
        } else {
          // What waits behind it was not sent: it need not wait for a server that does not come back.
          if (isLost) this.#refuseQueue(error);
          isLost = true;
        }
        // The database knows the batch by its number: sent again, it is answered as it was the first time,
        // or done now.
        const isOver = this.#closing.signal.aborted && tries > 1;
        if (isOver || performance.now() - sent > UNKNOWN_TIME) throw this.#unknown(error);
        await wait(RETRY_PAUSE * (1 + Math.random()));
      }
    }
  }

  #refuseQueue(error: unknown): void {
    const failure = toStoreError(error, this.#url);
    for (const { reject } of this.#queue.splice(0)) reject(failure);
  }

  #unknown(cause: unknown): StoreError {
    const { message } = toStoreError(cause, this.#url);
    return new StoreError(
      `${message} The connection was lost during a write, and it could not be found out whether that ` +
        'was kept: read the session before sending it again.',
      { cause },
    );
  }
}
