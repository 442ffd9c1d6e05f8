/** What the load can do, and what it says of it. */
import type { DialectName } from './dialects.ts';

interface Common {
  readonly port: number;
  readonly dialect: DialectName;
  readonly connections: number;
}

/** Asks again for each answer, or each whole stream, that came. */
interface Asking extends Common {
  readonly what: 'answers' | 'burst' | 'turns';
  /** What a connection has asked and what has no answer yet. */
  readonly inFlight: number;
}

/** One asks for a stream that all of them hear, and for the next one when all have heard it. */
interface FanningOut extends Common {
  readonly what: 'fan-out';
}

/** Asks so often, whatever has come by then, so that a delay is not hidden by the ones behind it. */
interface Pacing extends Common {
  readonly what: 'pace';
  /** Messages a second, of all connections. */
  readonly rate: number;
}

/** Opens connections that then do nothing. */
interface Idling extends Common {
  readonly what: 'idle';
  /** So many of them first, so that what a process takes once is there when it counts. */
  readonly before: number;
}

/** One connection joins a session and leaves it. */
interface Joining extends Common {
  readonly what: 'join';
  readonly times: number;
  readonly session: string;
  /** The `seq` of its last event, and of how many before it that one included each join has to bring. */
  readonly last: number;
  readonly page: number;
  /** It says up to where it has everything; else it gets the newest page. */
  readonly isResumed: boolean;
}

export type Work = Asking | FanningOut | Pacing | Idling | Joining;
export type WorkOf<What extends Work['what']> = Extract<Work, { readonly what: What }>;

/** What came of it in the time that was measured: names of figures and their values. */
export interface Done {
  readonly figures: Readonly<Record<string, number>>;
  /** Processor time of the load, of all time; see `stayAwake` for when. */
  readonly load: number;
}
