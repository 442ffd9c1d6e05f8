/** What is done to a cluster under a crowd, again and again. */
import { setTimeout as wait } from 'node:timers/promises';
import { between, type Random, seeded } from '../helpers/seeded.ts';
import { Cluster } from './cluster.ts';
import { Crowd, type CrowdOptions, type Verdict } from './crowd.ts';

export interface Setting {
  readonly cluster: Cluster;
  readonly crowd: Crowd;
  readonly random: Random;
}

export interface ClusterCampaignOptions extends CrowdOptions {
  readonly seed: number;
  /** A fault from `plants.ts` in each of the nodes. */
  readonly plant?: string;
}

const NODES = 3;

/** Does `work` to three nodes under a crowd, and lets everything come to its end. */
export async function runClusterCampaign<Facts extends object>(
  { seed, plant, ...crowdOptions }: ClusterCampaignOptions,
  work: (setting: Setting) => Promise<Facts>,
): Promise<Verdict & Facts & { milliseconds: number }> {
  const cluster = await Cluster.start({ nodes: NODES, plant });
  const crowd = new Crowd(seed, cluster.balancer.port, crowdOptions);
  const began = performance.now();
  try {
    crowd.serverIsUp();
    const facts = await work({ cluster, crowd, random: seeded(seed) });
    const verdict = await crowd.verdict();
    return { ...verdict, ...facts, milliseconds: Math.round(performance.now() - began) };
  } finally {
    crowd.leave();
    await cluster.stop();
  }
}

/** Kills one node, whichever, and starts it again, so many times. */
export async function killNodes({ cluster, crowd, random }: Setting, kills: number) {
  let inMidAnswer = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    await crowd.gathered();
    // At times before, at times after others have taken over what the last one had.
    await wait(between(random, 0, 4_000));
    await crowd.gathered();
    inMidAnswer += crowd.inMidAnswer;
    const port = cluster.ports[between(random, 0, cluster.ports.length - 1)] as number;
    await cluster.node(port).kill();
    await cluster.startNode(port);
  }
  return { kills, inMidAnswer: Math.round(inMidAnswer / kills) };
}

/**
 * Restarts all nodes, one after the other, as a deployment does, so many times. Returns the codes with which
 * connections ended meanwhile.
 */
export async function restartNodes({ cluster, crowd }: Setting, rounds: number) {
  const drains: number[] = [];
  const before = crowd.clients.map(({ closes }) => closes.length);
  for (let round = 0; round < rounds; round += 1) {
    for (const port of cluster.ports) {
      await crowd.gathered();
      const began = performance.now();
      await cluster.node(port).terminate();
      drains.push(performance.now() - began);
      await cluster.startNode(port);
    }
  }
  const codes = crowd.clients.flatMap(({ closes }, index) => closes.slice(before[index]));
  return {
    rounds,
    longestDrain: Math.round(Math.max(...drains)),
    codes: [...new Set(codes)].sort(),
  };
}

/**
 * Kills what the nodes share and starts it again, so many times. Returns how long it took at the most,
 * from its return, until every node was ready and everyone had the acknowledgement that they waited for.
 */
export async function killShared(
  { cluster, crowd, random }: Setting,
  which: 'postgres' | 'redis',
  kills: number,
) {
  const recoveries: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    await crowd.gathered();
    await wait(between(random, 0, 1_000));
    await cluster[which].kill();
    await wait(between(random, 0, 3_000));
    await cluster[which].start();
    const back = performance.now();
    await Promise.all([cluster.ready(), crowd.served()]);
    recoveries.push(performance.now() - back);
  }
  return { kills, recovery: Math.round(Math.max(...recoveries)) };
}
