/** The event loop's side of a worker thread. */
import { Worker } from 'node:worker_threads';
import { StoreError } from '../store.ts';
import type { Answered, Call, Failure } from './rows.ts';

/** Calls in one message to the worker. */
const MAX_POST = 256;
/**
 * What a worker makes is soon garbage. V8 would keep up to 134 MB in each thread for that, and never give back what it
 * has once taken.
 */
const LIMITS = { maxYoungGenerationSizeMb: 24 };

const ADVICE: readonly (readonly [code: string, advice: string])[] = [
  ['SQLITE_FULL', 'The disk is full. Free space on it; everything acknowledged is kept.'],
  ['SQLITE_IOERR', 'The disk failed to read or write. Check it before going on.'],
  ['SQLITE_CORRUPT', 'The database is damaged. Restore it from a backup.'],
  ['SQLITE_NOTADB', 'The file is not a database of Parley. Use another data directory.'],
  ['SQLITE_READONLY', 'The database may not be written. Check the owner and mode of its files.'],
  ['SQLITE_CANTOPEN', 'The database cannot be opened. Check the owner and mode of its directory.'],
  ['SQLITE_BUSY', 'Another program holds the database locked. End it, or wait for it.'],
];

interface Pending {
  resolve(value: unknown): void;
  reject(error: StoreError): void;
}

/** The methods that a worker answers, by name. */
type Methods<Calls> = { readonly [Name in keyof Calls]: (...args: never[]) => unknown };

/**
 * Calls the methods of a worker, which begins with the first call. Answers come in the order of the calls.
 * One that has died is replaced with the next call; what it has not answered is rejected with `StoreError`.
 */
export class SqliteThread<Calls extends Methods<Calls>> {
  readonly #entry: URL;
  readonly #workerData: unknown;
  readonly #onAnswered: (seconds: number) => void;
  #worker: Worker | undefined;
  /** Calls without an answer, the oldest first: those the worker has, then `#outgoing`. */
  #pending: Pending[] = [];
  #outgoing: Call[] = [];
  #closed: Promise<void> | undefined;

  /** `onAnswered` is told how long the worker took for the calls that it answered together, seconds. */
  constructor(entry: URL, workerData: unknown, onAnswered: (seconds: number) => void = () => {}) {
    this.#entry = entry;
    this.#workerData = workerData;
    this.#onAnswered = onAnswered;
  }

  /** How many calls have no answer yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** @throws StoreError */
  call<Name extends keyof Calls & string>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<ReturnType<Calls[Name]>> {
    if (this.#closed) return Promise.reject(new StoreError('The store is closed.'));
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve: resolve as Pending['resolve'], reject });
      // The calls of one turn of the event loop travel together.
      if (this.#outgoing.push([name, ...args]) === 1) setImmediate(() => this.#flush());
    });
  }

  /** Waits for the answers to what was called before. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#flush();
      if (!this.#worker) return resolve();
      this.#worker.once('exit', () => resolve());
      this.#worker.postMessage(null);
    });
    return this.#closed;
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    this.#worker ??= this.#start();
    for (let at = 0; at < this.#outgoing.length; at += MAX_POST) {
      this.#worker.postMessage(this.#outgoing.slice(at, at + MAX_POST));
    }
    this.#outgoing = [];
  }

  #start(): Worker {
    const worker = new Worker(this.#entry, {
      workerData: this.#workerData,
      resourceLimits: LIMITS,
    });
    let cause: unknown;
    worker.on('message', ({ answers, seconds }: Answered) => {
      this.#onAnswered(seconds);
      const settled = this.#pending.splice(0, answers.length);
      for (const [index, { resolve, reject }] of settled.entries()) {
        const answer = answers[index];
        if (answer?.ok) resolve(answer.value);
        else if (answer) reject(toStoreError(answer.failure));
      }
    });
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      this.#worker = undefined;
      this.#outgoing = [];
      const lost = this.#pending.splice(0);
      for (const { reject } of lost) {
        reject(new StoreError(`The store's worker thread ended with code ${code}.`, { cause }));
      }
    });
    return worker;
  }
}

export function toStoreError({ message, code }: Failure): StoreError {
  if (code === undefined) return new StoreError(message);
  const advice = ADVICE.find(([prefix]) => code.startsWith(prefix))?.[1];
  const text = `The store failed: ${message} (${code}).${advice ? ` ${advice}` : ''}`;
  return new StoreError(text, { cause: Object.assign(new Error(message), { code }) });
}
