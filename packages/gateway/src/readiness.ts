/** Whether what a node needs is there: asked by balancers, and said in the log where it does not say so itself. */
import type { Bus } from './buses/bus.ts';
import { within } from './deadline.ts';
import type { Logger } from './log.ts';
import { noAnswerIn, Outage, refusalOf } from './outage.ts';
import type { Store } from './stores/store.ts';

/** A part that has not said by then whether it is ready is not, milliseconds. */
const CHECK_MS = 2_000;
/** For so long what was found is told again where it need not be of this moment, milliseconds. */
const RECENT_MS = 5_000;
/** Who need not know it of this moment does not wait for longer than this, milliseconds. */
const HASTE_MS = 500;
/** How often the bus is asked by the node itself, milliseconds: one that is full is noticed by nothing else. */
const INTERVAL_MS = 5_000;

/** Why a node is not ready that takes nobody new. */
const DRAINING = 'it is stopping, and takes no new connections';
/** What is said while nobody answers; people may write and read all the same. */
const NO_WORKER = 'none lives: messages are kept for the first one that starts';
/** Why a node is not ready that shares its store with others and has no bus. */
const UNHEARD =
  'other nodes use this store, and hear nothing of this one: set bus to redis://… on all of them, or stop the others';

export interface ReadinessDeps {
  readonly store: Store;
  readonly bus: Bus;
  readonly log: Logger;
  /** How many other nodes use the store. */
  readonly others: () => number;
  /** How many nodes execute runs, this one included. Rejects where the store cannot say. */
  readonly workers: () => Promise<number>;
}

export interface Part {
  readonly name: 'node' | 'store' | 'bus' | 'worker';
  /** Why it is not ready, for anybody's eyes; `undefined`: it is. */
  readonly fault: string | undefined;
  /** `false`: a node does its work without it, and what that lacks comes later. */
  readonly isNeeded: boolean;
}

export class Readiness {
  readonly #deps: ReadinessDeps;
  readonly #refused: Outage;
  readonly #timer: NodeJS.Timeout | undefined;
  #isLeaving = false;
  /** What was found last, and when. */
  #last: { readonly parts: readonly Part[]; readonly at: number } = { parts: [], at: -Infinity };
  #asking: Promise<unknown> | undefined;

  constructor(deps: ReadinessDeps) {
    this.#deps = deps;
    this.#refused = new Outage(
      deps.log,
      'warn',
      'the bus takes no writes: nodes hear of answers late',
      'the bus takes writes again',
    );
    if (deps.bus.reachesOthers)
      this.#timer = setInterval(() => void this.#busFault(), INTERVAL_MS).unref();
  }

  /**
   * Why parts that are needed are not ready, by their names, as it was found in the last 5 s: so it may be asked as often
   * as one likes. That the node drains is not among them. Takes half a second at most.
   */
  async faults(): Promise<Readonly<Record<string, string>>> {
    if (performance.now() - this.#last.at > RECENT_MS) {
      this.#asking ??= this.ask().finally(() => {
        this.#asking = undefined;
      });
      // What takes longer is told the next time.
      await within(HASTE_MS, this.#asking, () => new Error(noAnswerIn(HASTE_MS))).catch(() => {});
    }
    const others = lacking(this.#last.parts).filter(([name]) => name !== 'node');
    return Object.fromEntries(others);
  }

  async ask(): Promise<readonly Part[]> {
    const { store, bus, others, workers } = this.#deps;
    const [storeFault, busFault, living] = await Promise.all([
      faultOf(store),
      bus.reachesOthers ? this.#busFault() : undefined,
      within(CHECK_MS, workers(), () => new Error(noAnswerIn(CHECK_MS))).catch(() => undefined),
    ]);
    const isUnheard = !bus.reachesOthers && others() > 0;
    const parts: Part[] = [
      { name: 'node', fault: this.#isLeaving ? DRAINING : undefined, isNeeded: true },
      { name: 'store', fault: storeFault?.said, isNeeded: true },
    ];
    if (bus.reachesOthers || isUnheard)
      parts.push({ name: 'bus', fault: isUnheard ? UNHEARD : busFault, isNeeded: true });
    // Where the store cannot say, nothing is known of workers.
    if (living !== undefined)
      parts.push({ name: 'worker', fault: living === 0 ? NO_WORKER : undefined, isNeeded: false });
    this.#last = { parts, at: performance.now() };
    return parts;
  }

  /** From now on the node is not ready. */
  leave(): void {
    this.#isLeaving = true;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** That it is not there at all the bus has said itself. */
  async #busFault(): Promise<string | undefined> {
    const fault = await faultOf(this.#deps.bus);
    if (!fault) this.#refused.end();
    else if (fault.isRefusal) this.#refused.begin(fault.error.message);
    return fault?.said;
  }
}

/** The parts that are needed and not ready, and why. */
export function lacking(parts: readonly Part[]): readonly (readonly [Part['name'], string])[] {
  return parts.flatMap(({ name, fault, isNeeded }) =>
    isNeeded && fault !== undefined ? [[name, fault] as const] : [],
  );
}

interface Fault {
  readonly error: Error;
  readonly isRefusal: boolean;
  /** Whoever may ask has no business with addresses and names, so it is said in general words. */
  readonly said: string;
}

async function faultOf(part: { check(): Promise<void> }): Promise<Fault | undefined> {
  const late = new Error(noAnswerIn(CHECK_MS));
  try {
    await within(CHECK_MS, part.check(), () => late);
    return undefined;
  } catch (thrown) {
    const error = thrown as Error;
    if (error === late) return { error, isRefusal: false, said: late.message };
    const code = refusalOf(error);
    const said = code === undefined ? 'not reached' : `takes no writes (${code})`;
    return { error, isRefusal: code !== undefined, said };
  }
}
