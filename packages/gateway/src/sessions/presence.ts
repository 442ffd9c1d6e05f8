/** Who is in a session, on all nodes together. */

/** Each person once, with how many connections. */
interface Participant {
  readonly id: string;
  readonly connections: number;
}

/** Who is in a session on one node. */
export interface PresenceOfNode {
  /** At most `MOST_NAMED`. */
  readonly participants: readonly Participant[];
  /** All of them, also those that are not named. */
  readonly connections: number;
}

/** So many people are named; the others are counted. */
const MOST_NAMED = 100;

/** @param people one entry for each connection. */
export function countPresence(people: Iterable<string>): PresenceOfNode {
  const counts = new Map<string, number>();
  let connections = 0;
  for (const id of people) {
    connections += 1;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return named(counts, connections);
}

/** What the nodes have together. */
export function sumPresence(nodes: Iterable<PresenceOfNode>): PresenceOfNode {
  const counts = new Map<string, number>();
  let connections = 0;
  for (const node of nodes) {
    connections += node.connections;
    for (const { id, connections: more } of node.participants) {
      counts.set(id, (counts.get(id) ?? 0) + more);
    }
  }
  return named(counts, connections);
}

function named(counts: ReadonlyMap<string, number>, connections: number): PresenceOfNode {
  const participants = [...counts].slice(0, MOST_NAMED).map(([id, count]) => ({
    id,
    connections: count,
  }));
  return { participants, connections };
}
