/** What happens to a network, and when: drawn from a seed, so that it can be had again. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Line } from '../helpers/line.ts';
import { BLACK_HOLE, type Link, type Network, type TcpProxy } from '../helpers/proxy.ts';
import { between, type Random, seeded } from '../helpers/seeded.ts';

type Fault =
  | { readonly kind: 'shape'; readonly network: Network }
  | { readonly kind: 'reset' }
  | { readonly kind: 'forget' }
  | { readonly kind: 'half-close'; readonly way: 'up' | 'down' };

export interface Step {
  readonly fault: Fault;
  /** All connections, those to come too, or the one at this place among them, from 0 to 1. */
  readonly whom: 'all' | number;
  /** Until the next step, milliseconds. */
  readonly pause: number;
}

/** How often each kind comes, in proportion. */
const KINDS = {
  good: 4,
  slow: 3,
  narrow: 2,
  sliced: 2,
  'black hole': 2,
  'one-way': 3,
  reset: 3,
  'half-close': 2,
  forget: 1,
} as const;
type Kind = keyof typeof KINDS;
const DRAWN = Object.entries(KINDS).flatMap(([kind, times]) =>
  Array.from({ length: times }, () => kind as Kind),
);

const STEPS = { from: 10, to: 18 };
/** Short enough to hit what is under way; at times longer than the deadlines of both sides. */
const PAUSE = { from: 10, to: 200 };
const LONG_PAUSE = { from: 900, to: 1_800 };
const LONG = 0.06;

export function drawSchedule(seed: number): readonly Step[] {
  const random = seeded(seed);
  return Array.from({ length: between(random, STEPS.from, STEPS.to) }, () => {
    const kind = DRAWN[between(random, 0, DRAWN.length - 1)] as Kind;
    const fault = drawFault(kind, random);
    const whom = random() < 0.5 ? ('all' as const) : random();
    const { from, to } = random() < LONG ? LONG_PAUSE : PAUSE;
    return { fault, whom, pause: between(random, from, to) };
  });
}

function drawFault(kind: Kind, random: Random): Fault {
  switch (kind) {
    case 'good':
      return { kind: 'shape', network: {} };
    case 'slow':
      return drawLines(random, () => ({
        latency: between(random, 1, 120),
        jitter: between(random, 0, 150),
      }));
    case 'narrow':
      return drawLines(random, () => ({ bandwidth: between(random, 300, 20_000) }));
    case 'sliced':
      return drawLines(random, () => ({ slice: 1 }));
    case 'black hole':
      return { kind: 'shape', network: BLACK_HOLE };
    case 'one-way': {
      const way = random() < 0.5 ? 'up' : 'down';
      return { kind: 'shape', network: { [way]: { blocked: true } } };
    }
    case 'half-close':
      return { kind, way: random() < 0.5 ? 'up' : 'down' };
    case 'reset':
    case 'forget':
      return { kind };
  }
}

function drawLines(random: Random, draw: () => Line): Fault {
  const which = between(random, 0, 2);
  const up = which === 1 ? {} : { up: draw() };
  const down = which === 0 ? {} : { down: draw() };
  return { kind: 'shape', network: { ...up, ...down } };
}

/** Makes the trouble. The network is good afterwards; returns the connections that it has forgotten. */
export async function makeTrouble(
  proxy: TcpProxy,
  schedule: readonly Step[],
): Promise<readonly Link[]> {
  const forgotten: Link[] = [];
  for (const { fault, whom, pause } of schedule) {
    const { links } = proxy;
    const one = whom === 'all' ? undefined : links[Math.floor(whom * links.length)];
    const hit = whom === 'all' ? links : one ? [one] : [];
    if (fault.kind === 'shape' && whom === 'all') proxy.shape(fault.network);
    else for (const link of hit) inflict(fault, link);
    if (fault.kind === 'forget') forgotten.push(...hit);
    await wait(pause);
  }
  proxy.heal();
  return forgotten;
}

function inflict(fault: Fault, link: Link): void {
  switch (fault.kind) {
    case 'shape':
      link.shape(fault.network);
      return;
    case 'reset':
      link.reset();
      return;
    case 'forget':
      link.forget();
      return;
    case 'half-close':
      link.halfClose(fault.way);
  }
}
