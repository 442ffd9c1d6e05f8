/** Many conversations at once on one server, until so many messages were answered. */
import { setTimeout as delay } from 'node:timers/promises';
import { seeded } from '../../tests/helpers/seeded.ts';
import { Conversation, Tally } from './conversation.ts';
import { type Looked, startServer } from './server.ts';

interface Soak {
  /** To be answered. */
  readonly messages: number;
  readonly conversations: number;
  readonly seed: number;
  /** Between two looks at the server, milliseconds. */
  readonly every: number;
}

export interface Sample extends Looked {
  /** Milliseconds since it began, and messages that were answered by then. */
  readonly at: number;
  readonly answered: number;
}

export interface Soaked {
  readonly tally: Tally;
  readonly samples: readonly Sample[];
  /** Open before the first of them came, and when all of them were gone. */
  readonly descriptors: { readonly before: number; readonly after: number };
  readonly ms: number;
}

/** For sockets that are being closed. */
const CLOSING_MS = 10_000;

/** @throws where an answer is wrong, twice or not there, or an event is lacking. */
export async function soak(
  { messages, conversations, seed, every }: Soak,
  onSample: (sample: Sample, tally: Tally) => void,
): Promise<Soaked> {
  const server = await startServer();
  const tally = new Tally();
  try {
    // One of each first: what is opened once is open then.
    await holdAll(1, () => tally.answered < 1);
    const before = await settled();
    const samples: Sample[] = [];
    const began = performance.now();
    const holding = holdAll(conversations, () => tally.answered < messages);
    const ended = holding.then(() => true);
    while (!(await Promise.race([ended, delay(every, false)]))) {
      const at = performance.now() - began;
      const sample = { at, answered: tally.answered, ...(await server.look()) };
      samples.push(sample);
      onSample(sample, tally);
    }
    const ms = performance.now() - began;
    return { tally, samples, ms, descriptors: { before, after: await settled(before) } };
  } finally {
    await server.stop();
  }

  async function holdAll(count: number, goesOn: () => boolean): Promise<void> {
    const all = Array.from({ length: count }, (_, index) =>
      new Conversation(server.port, `${count}-${index}`, seeded(seed + index), tally).hold(goesOn),
    );
    await Promise.all(all);
  }

  /** Its descriptors, once they are no more than `wanted`, or as many as a moment ago where nobody knows. */
  async function settled(wanted?: number): Promise<number> {
    const until = performance.now() + CLOSING_MS;
    for (let last = -1; ; await delay(100)) {
      const { descriptors } = await server.look();
      const isSettled = wanted === undefined ? descriptors === last : descriptors <= wanted;
      if (isSettled || performance.now() > until) return descriptors;
      last = descriptors;
    }
  }
}

/**
 * The samples with the most memory that there was until then. A cache that is full, given back and filled again moves
 * the process up and down by some tens of megabytes; what leaks moves the highest mark.
 */
export function highest(samples: readonly Sample[]): Sample[] {
  let most = 0;
  return samples.map((sample) => {
    most = Math.max(most, sample.resident);
    return { ...sample, resident: most };
  });
}

/** By how much memory grows, bytes a minute: the line that is nearest to all samples. */
export function slope(samples: readonly Sample[]): number {
  const meanOf = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [at, resident] = [meanOf((sample) => sample.at), meanOf((sample) => sample.resident)];
  const up = samples.reduce((sum, one) => sum + (one.at - at) * (one.resident - resident), 0);
  const along = samples.reduce((sum, one) => sum + (one.at - at) ** 2, 0);
  return (up / along) * 60_000;
}
