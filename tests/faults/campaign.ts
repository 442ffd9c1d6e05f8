/** A server that is killed under a crowd again and again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../helpers/free-port.ts';
import { between, seeded } from '../helpers/seeded.ts';
import { Crowd, type Verdict } from './crowd.ts';
import { describe } from './record.ts';
import { ServerProcess } from './server-process.ts';

export interface CampaignOptions {
  readonly seed: number;
  /** Ends after so many kills … */
  readonly kills: number;
  /** … or when no more would fit into this time, milliseconds, */
  readonly budget: number;
  /** … and there were so many, however slow the machine is. */
  readonly atLeast?: number;
}

export interface CampaignResult extends Verdict {
  /** Each with most clients joined and answers before their eyes. */
  readonly kills: number;
  /** How many clients were in mid-answer at a kill, on average. */
  readonly inMidAnswer: number;
  readonly milliseconds: number;
}

/** Kills it, and lets everything come to its end at last. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const began = performance.now();
  const { seed, kills, budget, atLeast = 0 } = options;
  return withCrowd(seed, undefined, async (crowd, killAndStart) => {
    const inMidAnswer: number[] = [];
    for (let lap = 0; inMidAnswer.length < kills; ) {
      const lapBegan = performance.now();
      const isOver = lapBegan - began + 1.5 * lap > budget;
      if (isOver && inMidAnswer.length >= atLeast) break;
      inMidAnswer.push(await killAndStart());
      crowd.serverIsUp();
      lap = performance.now() - lapBegan;
    }
    const verdict = await crowd.verdict();
    return {
      ...verdict,
      kills: inMidAnswer.length,
      inMidAnswer: Math.round(inMidAnswer.reduce((sum, n) => sum + n, 0) / inMidAnswer.length),
      milliseconds: Math.round(performance.now() - began),
    };
  });
}

/** Kills a server with a fault in it until the checker says so, or `kills` times. */
export async function findPlanted(
  options: { readonly seed: number; readonly kills: number; readonly plant?: string },
  finding: RegExp,
): Promise<{ findings: string[]; kills: number }> {
  return withCrowd(options.seed, options.plant, async (crowd, killAndStart) => {
    let findings: string[] = [];
    for (let kills = 1; kills <= options.kills; kills += 1) {
      await killAndStart();
      // Before anyone is back: the log holds what is on disk, and nothing that is on its way there.
      findings = (await crowd.check()).map(describe);
      if (findings.some((text) => finding.test(text))) return { findings, kills };
      crowd.serverIsUp();
    }
    return { findings, kills: options.kills };
  });
}

/**
 * Runs `work` with a crowd and a server, which the function that it is given kills and starts again;
 * that resolves with how many were in mid-answer.
 */
async function withCrowd<Result>(
  seed: number,
  plant: string | undefined,
  work: (crowd: Crowd, killAndStart: () => Promise<number>) => Promise<Result>,
): Promise<Result> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-faults-'));
  const port = await freePort();
  const random = seeded(seed);
  const crowd = new Crowd(seed, port);
  let server = await ServerProcess.start({ dataDir, port, plant });
  try {
    crowd.serverIsUp();
    return await work(crowd, async () => {
      await crowd.gathered();
      // Mostly early, when everyone resumes; at times after a life that was long enough to forget it.
      const life = random() < 0.2 ? between(random, 400, 2_000) : between(random, 0, 400);
      await new Promise((resolve) => setTimeout(resolve, life));
      await crowd.gathered();
      const { inMidAnswer } = crowd;
      crowd.serverIsDown();
      await server.kill();
      server = await ServerProcess.start({ dataDir, port, plant });
      return inMidAnswer;
    });
  } finally {
    crowd.leave();
    await server.kill();
    await rm(dataDir, { recursive: true, force: true });
  }
}
