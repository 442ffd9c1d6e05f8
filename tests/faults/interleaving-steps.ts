/** What may happen in a session that people on two nodes are in, in any order. */
import fc from 'fast-check';

export const PEOPLE = 3;
export const NODES = 2;

const person = fc.nat({ max: PEOPLE - 1 });
const node = fc.nat({ max: NODES - 1 });

const post = fc.record({ what: fc.constant('post' as const), person, careful: fc.boolean() });
const settle = fc.record({ what: fc.constant('settle' as const), person });

const common = [
  { weight: 4, arbitrary: post },
  { weight: 5, arbitrary: fc.record({ what: fc.constant('say' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('finish' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('stop' as const), person, one: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('cut' as const), person }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('join' as const), person, node }) },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('lose' as const), node, awaited: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('heal' as const) }) },
  { weight: 4, arbitrary: settle },
];
/** From then on nobody else hears what a node publishes, until `heal`. */
const mute = fc.record({ what: fc.constant('mute' as const), node });

const LENGTH = { minLength: 6, maxLength: 24, size: 'max' } as const;

/** Each is begun where the one before it has been, and not waited for unless `settle` says so. */
export const steps = fc.array(fc.oneof(...common), LENGTH);

/** The same over a bus that loses. */
export const lossySteps = fc.array(fc.oneof({ weight: 2, arbitrary: mute }, ...common), LENGTH);
export type Step = typeof lossySteps extends fc.Arbitrary<(infer One)[]> ? One : never;

/** With a stop, a lost connection, a resume and a take-over, so that the shortest campaign has one of each. */
export const EXAMPLE: Step[] = [
  { what: 'post', person: 0, careful: false },
  { what: 'settle', person: 0 },
  { what: 'say' },
  { what: 'lose', node: 0, awaited: true },
  { what: 'say' },
  { what: 'cut', person: 1 },
  { what: 'join', person: 1, node: 0 },
  { what: 'heal' },
  { what: 'stop', person: 2, one: false },
  { what: 'settle', person: 2 },
];

export const LOSSY_EXAMPLE: Step[] = [{ what: 'mute', node: 0 }, ...EXAMPLE];
