/** What is measured, on whom, and what must come out of it. */
import type { Work } from './load/work.ts';
import type { PeerName } from './peers/peers.ts';

interface Comparison {
  readonly of: PeerName;
  readonly to: PeerName;
  /** The ratio that must be reached; absent: it is only worth knowing. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A work for any peer. */
type Undirected<Some> = Some extends unknown ? Omit<Some, 'port' | 'dialect'> : never;

export interface Measurement {
  readonly name: string;
  /** Which of the figures of the work it is. */
  readonly figure: 'rate' | 'p99' | 'bytes';
  readonly unit: string;
  readonly peers: readonly PeerName[];
  readonly work: Undirected<Work>;
  readonly comparisons: readonly Comparison[];
}

const CONNECTIONS = 50;

export const MEASUREMENTS: readonly Measurement[] = [
  {
    name: 'A. Answers, 16 in flight',
    figure: 'rate',
    unit: 'answers/s',
    peers: ['parley', 'sqlite', 'ws', 'wsJson', 'socketIo', 'bun'],
    work: { what: 'answers', connections: CONNECTIONS, inFlight: 16 },
    comparisons: [
      { of: 'parley', to: 'ws', atLeast: 1 },
      { of: 'parley', to: 'socketIo', atLeast: 1.8 },
      { of: 'sqlite', to: 'parley', atLeast: 0.5 },
      { of: 'wsJson', to: 'ws' },
      { of: 'bun', to: 'ws' },
    ],
  },
  {
    name: 'A. Answers, 1 in flight',
    figure: 'rate',
    unit: 'answers/s',
    peers: ['parley', 'ws', 'wsJson', 'socketIo', 'bun'],
    work: { what: 'answers', connections: CONNECTIONS, inFlight: 1 },
    comparisons: [
      { of: 'parley', to: 'ws', atLeast: 0.6 },
      { of: 'parley', to: 'socketIo', atLeast: 1.4 },
      { of: 'wsJson', to: 'ws' },
      { of: 'bun', to: 'ws' },
    ],
  },
  {
    name: 'B. Streams, all pieces ready at once',
    figure: 'rate',
    unit: 'bytes of text/s',
    peers: ['parley', 'ws', 'wsJson', 'socketIo', 'bun'],
    work: { what: 'burst', connections: CONNECTIONS, inFlight: 1 },
    comparisons: [
      { of: 'parley', to: 'ws', atLeast: 5 },
      { of: 'parley', to: 'socketIo', atLeast: 5 },
      { of: 'bun', to: 'ws' },
    ],
  },
  {
    name: 'B. Streams, one piece a turn of the event loop',
    figure: 'rate',
    unit: 'bytes of text/s',
    peers: ['parley', 'ws', 'wsJson', 'socketIo', 'bun'],
    work: { what: 'turns', connections: CONNECTIONS, inFlight: 1 },
    comparisons: [
      { of: 'parley', to: 'ws', atLeast: 1.2 },
      { of: 'parley', to: 'socketIo', atLeast: 1.3 },
      { of: 'bun', to: 'ws' },
    ],
  },
  {
    name: 'C. One stream heard by 1,000',
    figure: 'rate',
    unit: 'bytes of text/s',
    peers: ['parley', 'ws', 'socketIo', 'bun'],
    work: { what: 'fan-out', connections: 1_000 },
    comparisons: [
      { of: 'parley', to: 'ws', atLeast: 3 },
      { of: 'bun', to: 'ws' },
    ],
  },
  {
    name: 'D. Memory of an idle connection, 10,000 of them',
    figure: 'bytes',
    unit: 'bytes',
    peers: ['parley', 'ws', 'socketIo', 'bun'],
    work: { what: 'idle', connections: 10_000 },
    comparisons: [
      { of: 'parley', to: 'ws', atMost: 1.6 },
      { of: 'parley', to: 'socketIo', atMost: 0.65 },
    ],
  },
  {
    name: 'E. Delay of the first piece, p99, at 5,000 messages a second',
    figure: 'p99',
    unit: 'ms',
    peers: ['parley', 'ws', 'socketIo', 'bun'],
    work: { what: 'pace', connections: 500, rate: 5_000 },
    comparisons: [{ of: 'parley', to: 'ws', atMost: 2 }],
  },
];
