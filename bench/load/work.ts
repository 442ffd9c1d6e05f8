/** What the load can do, and what it says of it. */
import type { DialectName } from './dialects.ts';

interface Common {
  readonly port: number;
  readonly dialect: DialectName;
  readonly connections: number;
}

/** Asks again for each answer, or each whole stream, that came. */
export interface Asking extends Common {
  readonly what: 'answers' | 'burst' | 'turns';
  /** What a connection has asked and what has no answer yet. */
  readonly inFlight: number;
}

/** One asks for a stream that all of them hear, and for the next one when all have heard it. */
export interface FanningOut extends Common {
  readonly what: 'fan-out';
}

/** Asks so often, whatever has come by then, so that a delay is not hidden by the ones behind it. */
export interface Pacing extends Common {
  readonly what: 'pace';
  /** Messages a second, of all connections. */
  readonly rate: number;
}

/** Opens connections that then do nothing. */
export interface Idling extends Common {
  readonly what: 'idle';
}

export type Work = Asking | FanningOut | Pacing | Idling;

/** What came of it in the time that was measured: names of figures and their values. */
export interface Done {
  readonly figures: Readonly<Record<string, number>>;
  /** Processor time of the load in that time, of all time. */
  readonly load: number;
}
