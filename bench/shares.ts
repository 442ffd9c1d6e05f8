/** Of a profile the share of each part of the program: in numbers what the flame graph is as a picture. */
import type { Profile } from './flame-graph.ts';

/** What the time of a function is counted to, by the path of its file; of several the first that is found. */
const PARTS: readonly (readonly [part: string, path: RegExp])[] = [
  ['coming in: decoding, limits, order', /gateway\/src\/connections\/inbound\//],
  ['going out: frames and their write', /gateway\/src\/connections\/outbound\//],
  ['the wire: checking and writing messages', /packages\/protocol\//],
  ['connections: the rest', /gateway\/src\/connections\//],
  ['runs: queue, agent, end', /gateway\/src\/(?:runs|agents)\//],
  ['the log: the store', /gateway\/src\/stores\//],
  ['sessions: what is said, and to whom', /gateway\/src\/sessions\//],
  ['metrics, log, the rest of the gateway', /packages\/gateway\//],
  ['ws: reading frames', /node_modules\/ws\//],
];
const COLLECTOR = 'garbage collection';
const NODE = 'Node: sockets, promises, timers';

/**
 * The parts and their shares, the largest first. What a function takes in V8, in Node and in the kernel counts to the
 * nearest caller that is a part; shares are of the time in which the process was not idle.
 */
export function shares({ nodes, samples, timeDeltas }: Profile): [part: string, share: number][] {
  const parts = new Map<number, string>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  // A caller stands before what it calls.
  for (const { id, callFrame, children = [] } of nodes) {
    const { functionName, url } = callFrame;
    const own = PARTS.find(([, path]) => path.test(url))?.[0];
    const part = functionName === '(garbage collector)' ? COLLECTOR : own;
    const known = part ?? parts.get(id) ?? NODE;
    parts.set(id, known);
    for (const child of children) parts.set(child, known);
  }
  const times = new Map<string, number>();
  let all = 0;
  samples.forEach((id, index) => {
    if (byId.get(id)?.callFrame.functionName === '(idle)') return;
    const part = parts.get(id) ?? NODE;
    const time = timeDeltas[index] ?? 0;
    times.set(part, (times.get(part) ?? 0) + time);
    all += time;
  });
  return [...times]
    .map(([part, time]): [string, number] => [part, time / all])
    .sort(([, a], [, b]) => b - a);
}
