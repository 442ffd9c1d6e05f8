/** What is not there for a while is said once in the log, however many notice it. */
import type { Logger } from './log.ts';
import { type Store, StoreError } from './stores/store.ts';

/** One line when it begins, and one when it is over. */
export class Outage {
  readonly #log: Logger;
  readonly #level: 'error' | 'warn';
  readonly #lost: string;
  readonly #back: string;
  #isOn = false;

  constructor(log: Logger, level: 'error' | 'warn', lost: string, back: string) {
    this.#log = log;
    this.#level = level;
    this.#lost = lost;
    this.#back = back;
  }

  begin(reason?: string): void {
    if (!this.#isOn) this.#log[this.#level](reason === undefined ? {} : { reason }, this.#lost);
    this.#isOn = true;
  }

  end(): void {
    if (this.#isOn) this.#log.info({}, this.#back);
    this.#isOn = false;
  }
}

/** A node says every second that it lives: without an answer for so long, milliseconds, the store hangs. */
const ANSWER_MS = 2_000;
/** What shows whether a store does its work: it writes, and is called whoever is there. */
const PULSE: ReadonlySet<unknown> = new Set<keyof Store>(['keepAlive', 'check']);

/** Outages of the store, which everything that is going on at the time runs into. */
export class StoreOutage {
  readonly #outage: Outage;
  /** Those that say nothing but that there is an outage. */
  readonly #told = new WeakSet<object>();

  constructor(log: Logger) {
    this.#outage = new Outage(
      log,
      'error',
      'the store does not do its work: nothing is acknowledged',
      'the store is back',
    );
  }

  /** The same store, whose outages are said. */
  watch(store: Store): Store {
    const watched = {};
    for (const name of namesOf(store)) {
      const value: unknown = Reflect.get(store, name);
      Object.defineProperty(
        watched,
        name,
        typeof value === 'function'
          ? { value: (...args: unknown[]) => this.#follow(store, name, value.apply(store, args)) }
          : { get: () => Reflect.get(store, name) },
      );
    }
    return watched as Store;
  }

  /** The same log, in which what failed by an outage alone is said to who looks for it, at level debug. */
  quieten(log: Logger): Logger {
    const unlessTold =
      (level: 'error' | 'warn'): Logger['error'] =>
      (...line: [string] | [Readonly<Record<string, unknown>>, string]) => {
        const [fields, message] = line;
        if (typeof fields === 'string') log[level](fields);
        else log[this.#isTold(fields.err) ? 'debug' : level](fields, message ?? '');
      };
    return {
      fatal: log.fatal.bind(log),
      error: unlessTold('error'),
      warn: unlessTold('warn'),
      info: log.info.bind(log),
      debug: log.debug.bind(log),
      trace: log.trace.bind(log),
      child: (fields) => this.quieten(log.child(fields)),
    };
  }

  #isTold(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#told.has(error);
  }

  #follow(store: Store, name: string, answer: Promise<unknown>): Promise<unknown> {
    if (PULSE.has(name)) this.#followPulse(answer);
    answer.catch((error: unknown) => this.#noteFailure(store, name, error));
    return answer;
  }

  #followPulse(answer: Promise<unknown>): void {
    let isAnswered = false;
    // Where it was this process that stood still, the answer is there by now, and is read first.
    const late = () => setImmediate(() => isAnswered || this.#outage.begin(noAnswerIn(ANSWER_MS)));
    const timer = setTimeout(late, ANSWER_MS).unref();
    const settle = () => {
      isAnswered = true;
      clearTimeout(timer);
    };
    answer.then(() => {
      settle();
      this.#outage.end();
    }, settle);
  }

  #noteFailure(store: Store, name: string, error: unknown): void {
    // Without a cause it is no fault: it is closed, or says how it wants to be called.
    if (!(error instanceof StoreError) || error.cause === undefined) return;
    const isUnreached = store.isShared && refusalOf(error) === undefined;
    if (isUnreached) this.#told.add(error);
    if (isUnreached || PULSE.has(name)) this.#outage.begin(error.message);
  }
}

/** Of all that it has, by whichever class. */
function namesOf(store: Store): readonly string[] {
  const names: string[] = [];
  for (let of: object = store; of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    names.push(...Object.getOwnPropertyNames(of));
  }
  return names;
}

/** What a database has refused with: five characters of SQL, SQLite's own names; not EPIPE or CERT_HAS_EXPIRED. */
const DATABASE_CODE = /^(?:[0-9A-DF-Z][0-9A-Z]{4}|SQLITE_\w+)$/;
/** Of PostgreSQL: it starts, stops or was killed; the connection was lost. */
const GOES_AWAY = /^(?:57P|08)/;
/** What Redis begins a refusal with: OOM, READONLY. */
const REDIS_CODE = /^[A-Z]{3,}(?= )/;

/**
 * The code with which a store or a bus has refused, in which there is no address and no name; `undefined`:
 * it was not reached.
 */
export function refusalOf({ cause }: Error): string | undefined {
  const { code, message = '' } = (cause ?? {}) as { code?: unknown; message?: string };
  if (typeof code !== 'string') return REDIS_CODE.exec(message)?.[0];
  return DATABASE_CODE.test(code) && !GOES_AWAY.test(code) ? code : undefined;
}

export function noAnswerIn(ms: number): string {
  return `no answer in ${ms} ms`;
}
