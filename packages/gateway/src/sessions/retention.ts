import type { Logger } from '../log.ts';
import type { RunManager } from '../runs/run-manager.ts';
import type { Retention, Store } from '../stores/store.ts';
import type { Hub } from './hub.ts';
import { sessionStatus } from './session-status.ts';

export interface CleanerOptions {
  readonly store: Store;
  readonly hub: Hub;
  readonly runs: RunManager;
  readonly log: Logger;
  /** Milliseconds; 0: never. */
  readonly emptySessionTtl: number;
  readonly sessionTtl: number;
  /** 0: no limit. */
  readonly maxSessions: number;
  readonly maxEvents: number;
  /** Milliseconds between two clean-ups. */
  readonly cleanupInterval: number;
}

/** The first clean-up is not part of the start, and comes also where a process never lives for long, milliseconds. */
const FIRST_AFTER_MS = 60_000;
/** Sessions taken away in one transaction, so that nobody waits long for the next one. */
const BATCH = 200;

/** Takes away what has expired, and tells those who are in it. */
export class Cleaner {
  readonly #options: CleanerOptions;
  readonly #timers: readonly NodeJS.Timeout[];
  #cleaning: Promise<void> = Promise.resolve();

  constructor(options: CleanerOptions) {
    this.#options = options;
    const clean = () => void this.clean();
    this.#timers = [
      setTimeout(clean, Math.min(FIRST_AFTER_MS, options.cleanupInterval)).unref(),
      setInterval(clean, options.cleanupInterval).unref(),
    ];
  }

  /** One clean-up; resolves when it is done. Never rejects: what could not be cleaned waits. */
  clean(): Promise<void> {
    this.#cleaning = this.#cleaning
      .then(() => this.#clean())
      .catch((error) => this.#options.log.error({ err: error }, 'a clean-up failed'));
    return this.#cleaning;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#cleaning;
  }

  async #clean(): Promise<void> {
    const { store, hub, runs, log } = this.#options;
    for (let more = true; more; ) {
      const cleaned = await store.clean(this.#retention());
      for (const { incarnation } of cleaned.expired) {
        runs.abandon(incarnation);
        hub.end(incarnation, 'expired');
      }
      for (const id of cleaned.trimmed) {
        const record = hub.get(id) && (await store.getSession(id));
        if (record) hub.publish(record.incarnation, sessionStatus(record, 'active'));
      }
      more = cleaned.more;
      if (cleaned.expired.length + cleaned.trimmed.length > 0) {
        log.info(
          { expired: cleaned.expired.length, trimmed: cleaned.trimmed.length },
          'sessions were cleaned up',
        );
      }
    }
  }

  #retention(): Retention {
    const { emptySessionTtl, sessionTtl, maxSessions, maxEvents } = this.#options;
    const now = Date.now();
    return {
      batch: BATCH,
      ...(emptySessionTtl > 0 ? { emptyBefore: now - emptySessionTtl } : {}),
      ...(sessionTtl > 0 ? { idleBefore: now - sessionTtl } : {}),
      ...(maxSessions > 0 ? { maxSessions } : {}),
      ...(maxEvents > 0 ? { maxEvents } : {}),
    };
  }
}
