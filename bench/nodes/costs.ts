/** What one message, one piece of an answer and one idle connection cost a node, PostgreSQL and Redis. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from './client.ts';
import type { Cluster, Spent } from './cluster.ts';

/** Of what was spent between two moments, so much for each of `count`. */
export function perUnit(before: Spent, after: Spent, count: number) {
  const each = (name: Exclude<keyof Spent, 'nodes'>) => (after[name] - before[name]) / count;
  return {
    node: after.nodes.map((spent, index) => (spent - (before.nodes[index] ?? 0)) / count),
    postgres: each('postgres'),
    redis: each('redis'),
    commits: each('commits'),
    transactions: each('transactions'),
    walBytes: each('walBytes'),
    commands: each('commands'),
    redisIn: each('redisIn'),
    redisOut: each('redisOut'),
    seconds: (after.at - before.at) / 1_000,
  };
}

type Cost = ReturnType<typeof perUnit>;

async function crowd(url: string, count: number): Promise<Client[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = await Client.open(url);
      await client.enter();
      return client;
    }),
  );
}

function closeAll(clients: readonly Client[]): void {
  for (const client of clients) client.close();
}

/** One-word answers of `people` who each wait for the answer before they go on. */
export async function messageCost(cluster: Cluster, people: number, each: number): Promise<Cost> {
  const clients = await crowd(urlOf(cluster, 0), people);
  const ask = async (times: number) => {
    await Promise.all(
      clients.map(async (client) => {
        for (let index = 0; index < times; index += 1) await client.ask('tokens=1');
      }),
    );
  };
  await ask(Math.ceil(each / 10));
  const before = await cluster.spent();
  await ask(each);
  const cost = perUnit(before, await cluster.spent(), people * each);
  closeAll(clients);
  return cost;
}

/** Words a second of an answer, and how many; answers at once. */
const RATE = 100;
const WORDS = 300;
const ANSWERS = 10;

/** What a piece costs where so many read on the node that writes it, and so many on another one. */
export async function chunkCost(cluster: Cluster, here: number, elsewhere: number): Promise<Cost> {
  const askers = await crowd(urlOf(cluster, 0), ANSWERS);
  const readers: Client[] = [];
  for (const { sessionId } of askers) {
    for (let index = 0; index < here - 1 + elsewhere; index += 1) {
      const reader = await Client.open(urlOf(cluster, index < here - 1 ? 0 : 1));
      await reader.enter(sessionId);
      readers.push(reader);
    }
  }
  const all = [...askers, ...readers];
  // Who came is told to everyone.
  await delay(500);
  const before = await cluster.spent();
  const ends = readers.map((reader) => reader.next());
  await Promise.all(askers.map((asker) => asker.ask(`tokens=${WORDS} rate=${RATE}`)));
  await Promise.all(ends);
  const after = await cluster.spent();
  const read = all.reduce((sum, { chunks }) => sum + chunks, 0);
  const whole = all.length * WORDS;
  if (read < whole * 0.9)
    throw new Error(`Of ${whole} words ${read} came alone: the machine is too busy.`);
  closeAll(all);
  return perUnit(before, after, ANSWERS * WORDS);
}

/** Presence is said anew every 20 s: a window that has it once. */
const IDLE_MS = 20_000;
const FIRST = 500;

/** Connections that have joined a session each and do nothing: bytes of each, and what each costs a second. */
export async function idleCost(cluster: Cluster, count: number) {
  // Memory is compared with that of a node that has done nothing before.
  const fresh = await cluster.startNode();
  const [old] = cluster.nodes.splice(0, 1, fresh);
  await old?.stop();
  const clients: Client[] = [];
  const measure = async (total: number) => {
    while (clients.length < total) clients.push(...(await crowd(fresh.ws, 50)));
    await delay(3_000);
    const memory = await fresh.memory();
    const start = await cluster.spent();
    await delay(IDLE_MS);
    return { memory, spent: perUnit(start, await cluster.spent(), IDLE_MS / 1_000) };
  };
  // The first ones pay for what a node loads once, and for what it does with nobody there.
  const few = await measure(FIRST);
  const many = await measure(FIRST + count);
  closeAll(clients);
  const each = (before: number, after: number) => (after - before) / count;
  return {
    heap: each(few.memory.heap, many.memory.heap),
    resident: each(few.memory.resident, many.memory.resident),
    node: each(few.spent.node[0] ?? 0, many.spent.node[0] ?? 0),
    postgres: each(few.spent.postgres, many.spent.postgres),
    redis: each(few.spent.redis, many.spent.redis),
    commands: each(few.spent.commands, many.spent.commands),
  };
}

function urlOf(cluster: Cluster, index: number): string {
  const node = cluster.nodes[index];
  if (!node) throw new Error(`There is no node ${index}.`);
  return node.ws;
}
