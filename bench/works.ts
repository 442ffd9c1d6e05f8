/** What is measured, on whom, and what must come out of it. */
import type { Work } from './load/work.ts';
import { LENGTHS } from './logs.ts';
import { PEERS, type PeerName } from './peers/peers.ts';
import type { Bound } from './results.ts';

/** A work for any peer. */
type Undirected<Some> = Some extends unknown ? Omit<Some, 'port' | 'dialect'> : never;

/** One bar: a peer, and the work that is given to it. */
interface Entrant {
  readonly name: string;
  readonly peer: PeerName;
  readonly work: Undirected<Work>;
}

/** Of the values of one run, one divided by another. */
export interface Comparison extends Bound {
  readonly of: string;
  readonly to: string;
}

/** One table and one chart. */
export interface Wanted {
  readonly title: string;
  /** Which of the figures of the work it is. */
  readonly figure: 'rate' | 'p50' | 'p99' | 'bytes' | 'each';
  readonly unit: string;
  /** Each by the names of two entrants. */
  readonly comparisons: readonly Comparison[];
}

export interface Measurement {
  readonly name: string;
  /** They take turns, in this order. */
  readonly entrants: Readonly<Record<string, Entrant>>;
  readonly wanted: readonly Wanted[];
}

const CONNECTIONS = 50;

/** The same work for each of them, by their own names. */
function each(peers: readonly PeerName[], work: Undirected<Work>): Measurement['entrants'] {
  return Object.fromEntries(
    peers.map((peer) => [peer, { name: PEERS[peer].name, peer, work }] as const),
  );
}

const ALL = ['parley', 'ws', 'wsJson', 'socketIo', 'bun'] as const;

/** `least`: what must be reached, of `ws` and of Socket.IO. */
function answers(inFlight: number, least: [ws: number, io: number]): Measurement {
  const [ws, socketIo] = least;
  return {
    name: `A. Answers, ${inFlight} in flight`,
    entrants: each(['parley', 'sqlite', 'ws', 'wsJson', 'wire', 'socketIo', 'bun'], {
      what: 'answers',
      connections: CONNECTIONS,
      inFlight,
    }),
    wanted: [
      {
        title: 'Answers a second',
        figure: 'rate',
        unit: '/s',
        comparisons: [
          { of: 'parley', to: 'ws', atLeast: ws },
          { of: 'parley', to: 'socketIo', atLeast: socketIo },
          { of: 'sqlite', to: 'parley', atLeast: 0.5 },
          { of: 'wsJson', to: 'ws' },
          { of: 'wire', to: 'ws' },
          { of: 'parley', to: 'wire' },
          { of: 'bun', to: 'ws' },
        ],
      },
    ],
  };
}

function streams(name: string, what: 'burst' | 'turns', least: [ws: number, io: number]) {
  const [ws, socketIo] = least;
  return {
    name,
    entrants: each(ALL, { what, connections: CONNECTIONS, inFlight: 1 }),
    wanted: [
      {
        title: 'Text delivered a second',
        figure: 'rate',
        unit: 'B/s',
        comparisons: [
          { of: 'parley', to: 'ws', atLeast: ws },
          { of: 'parley', to: 'socketIo', atLeast: socketIo },
          { of: 'bun', to: 'ws' },
        ],
      },
    ],
  } satisfies Measurement;
}

const FAN_OUT: Measurement = {
  name: 'C. One stream heard by 1,000',
  entrants: each(['parley', 'ws', 'socketIo', 'bun'], { what: 'fan-out', connections: 1_000 }),
  wanted: [
    {
      title: 'Text delivered a second',
      figure: 'rate',
      unit: 'B/s',
      comparisons: [
        { of: 'parley', to: 'ws', atLeast: 3 },
        { of: 'parley', to: 'socketIo' },
        { of: 'bun', to: 'ws' },
      ],
    },
  ],
};

function idle(connections: number): Measurement {
  const others = [{ of: 'bun', to: 'ws' }];
  return {
    name: `D. ${connections.toLocaleString('en')} idle connections`,
    entrants: each(['parley', 'ws', 'socketIo', 'bun'], {
      what: 'idle',
      connections,
      before: 1_000,
    }),
    wanted: [
      {
        title: 'Memory of each',
        figure: 'bytes',
        unit: 'B',
        comparisons: [
          { of: 'parley', to: 'ws', atMost: 1.6 },
          { of: 'parley', to: 'socketIo', atMost: 0.65 },
          ...others,
        ],
      },
      {
        title: 'Connects a second',
        figure: 'rate',
        unit: '/s',
        comparisons: [{ of: 'parley', to: 'ws' }, { of: 'parley', to: 'socketIo' }, ...others],
      },
      {
        title: 'Processor time of the server for each',
        figure: 'each',
        unit: 'µs',
        comparisons: [{ of: 'parley', to: 'ws' }, { of: 'parley', to: 'socketIo' }, ...others],
      },
    ],
  };
}

const FIRST_PIECE: Measurement = {
  name: 'E. The first piece at 5,000 messages a second',
  entrants: each(['parley', 'ws', 'socketIo', 'bun'], {
    what: 'pace',
    connections: 500,
    rate: 5_000,
  }),
  wanted: [
    {
      title: 'Delay, 99th percentile',
      figure: 'p99',
      unit: 'ms',
      comparisons: [
        { of: 'parley', to: 'ws', atMost: 2 },
        { of: 'parley', to: 'socketIo' },
      ],
    },
    {
      title: 'Delay, median',
      figure: 'p50',
      unit: 'ms',
      comparisons: [{ of: 'parley', to: 'ws' }],
    },
  ],
};

/** Events in the newest page, where there are as many. */
const NEWEST = 100;

function joins(what: string, pageOf: (length: number) => number, isResumed: boolean): Measurement {
  return {
    name: `F. A join of a long session, ${what}`,
    entrants: Object.fromEntries(
      LENGTHS.map((length) => [
        `${length}`,
        {
          name: `${length.toLocaleString('en')} events`,
          peer: 'logs',
          work: {
            what: 'join',
            connections: 1,
            times: 400,
            session: `${length}`,
            last: length,
            page: pageOf(length),
            isResumed,
          },
        } as const,
      ]),
    ),
    wanted: [
      {
        title: 'Until everything is there, median',
        figure: 'p50',
        unit: 'ms',
        comparisons: [
          { of: '1000000', to: '10', atMost: 1.5 },
          { of: '1000000', to: '10000', atMost: 1.5 },
        ],
      },
    ],
  };
}

export const MEASUREMENTS: readonly Measurement[] = [
  answers(16, [1, 1.8]),
  answers(1, [0.6, 1.4]),
  streams('B. Streams, all pieces ready at once', 'burst', [5, 5]),
  streams('B. Streams, one piece a turn of the event loop', 'turns', [1.2, 1.3]),
  FAN_OUT,
  idle(10_000),
  idle(19_000),
  FIRST_PIECE,
  joins('its newest page', (length) => Math.min(length, NEWEST), false),
  joins('its last ten events', () => 10, true),
];
