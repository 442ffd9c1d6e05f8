/**
 * Stops, lost connections, resumes and take-overs in any order, in a session that people on two nodes
 * are in. What is done is a list of steps, so that a failed one can be had again, and shrunk.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ServerMessage, SessionEvent } from '@parley/protocol';
import type { Bus } from '../../packages/gateway/src/buses/bus.ts';
import type { Store } from '../../packages/gateway/src/stores/store.ts';
import { startComposed } from '../helpers/composed.ts';
import { lossy, silence } from '../helpers/nodes.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';
import { NODES, PEOPLE, type Step } from './interleaving-steps.ts';

/** How long anything may take that has to come, milliseconds. */
const PATIENCE_MS = 20_000;

/** What two nodes run on; of each its own, though the stores may be one. */
export interface Ground {
  readonly stores: readonly Store[];
  readonly buses: readonly Bus[];
  readonly leaseMs: number;
}

interface Member {
  readonly view: View;
  /** What they have done, one after the other. */
  doing: Promise<void>;
  /** Answers to their messages, or the loss of the connection. */
  readonly posted: Promise<unknown>[];
}

/** A stop that was acknowledged: by the message answered, the runs that it is about. */
interface Stopped {
  readonly replies: ReadonlySet<string>;
  /** From then on the text of no such run may come, by connection. */
  readonly silentFrom: Map<TestSocket, number>;
}

/** Counts what a campaign has had in it. */
export interface Seen {
  stops: number;
  resumes: number;
  takeovers: number;
  /** How often the bus began to lose what a node says. */
  mutes: number;
  ends: Record<string, number>;
}

/** Does the steps, lets everything come to its end, and rejects with what did not hold. */
export async function interleave(ground: Ground, todo: readonly Step[], seen: Seen): Promise<void> {
  const disposals: (() => void | Promise<void>)[] = [];
  const onFinished = (dispose: () => void | Promise<void>) => void disposals.push(dispose);
  const faults: unknown[] = [];
  await within(PATIENCE_MS, run(ground, todo, seen, onFinished)).catch((error) =>
    faults.push(error),
  );
  for (const dispose of disposals.reverse()) {
    // A faulty frame is told by the end of its connection.
    await Promise.try(dispose).catch((error) => faults.push(error));
  }
  if (faults.length > 0) throw new Error(faults.join('\n'), { cause: faults[0] });
}

async function run(
  { stores, buses, leaseMs }: Ground,
  todo: readonly Step[],
  seen: Seen,
  onFinished: (dispose: () => void | Promise<void>) => void,
): Promise<void> {
  const agents = [puppet(), puppet({ name: 'careful', onInterrupt: 'fail' })];
  const mute = new Set<number>();
  const nodes = await Promise.all(
    stores.map((keptIn, index) =>
      startComposed({
        agents: agents.map(({ agent }) => agent),
        keptIn,
        bus: lossy(buses[index] as Bus, () => mute.has(index)),
        leaseMs,
        onFinished,
      }),
    ),
  );
  const [store] = stores as [Store];
  const runs: PuppetRun[] = [];
  let isOver = false;
  for (const { next } of agents) void collect(next);
  async function collect(next: () => Promise<PuppetRun>): Promise<void> {
    for (;;) {
      const one = await next();
      runs.push(one);
      if (isOver) void one.finish();
    }
  }

  const creator = await TestSocket.open(nodes[0]?.ws ?? '', { onFinished });
  const sessionId = await creator.create();
  const faults: string[] = [];
  const acknowledged = new Set<string>();
  const stopped: Stopped[] = [];
  const everyone = Array.from({ length: PEOPLE }, (_, index): Member => {
    const url = nodes[index % NODES]?.ws ?? '';
    const view = new View(url, sessionId, { onFinished });
    return { view, doing: Promise.resolve(), posted: [] };
  });
  const member = (index: number) => everyone[index] as Member;

  /** What waits for the answer to a message; several may wait on one connection. */
  const waiting = new Map<string, (answer: ServerMessage) => void>();
  function answered(socket: TestSocket, message_id: string): Promise<ServerMessage> {
    const { promise, resolve } = Promise.withResolvers<ServerMessage>();
    waiting.set(message_id, resolve);
    void socket.closed.then(() => resolve({ type: 'pong' } as ServerMessage));
    return promise;
  }
  function ask(socket: TestSocket, message_id: string, message: object): Promise<ServerMessage> {
    socket.send({ ...message, message_id });
    return answered(socket, message_id);
  }
  function hear(socket: TestSocket, message: ServerMessage): void {
    const { type, reply_to: reply = '' } = message;
    waiting.get(reply)?.(message);
    if (type === 'message_ack' && reply.startsWith('m')) acknowledged.add(reply);
    if (type !== 'agent_chunk') return;
    for (const { replies, silentFrom } of stopped) {
      const from = silentFrom.get(socket) ?? Number.POSITIVE_INFINITY;
      if (replies.has(reply) && socket.received.length > from)
        faults.push(`text in answer to ${reply} after an acknowledged stop`);
    }
  }
  async function join({ view }: Member, url: string): Promise<void> {
    if (view.socket) return;
    view.url = url;
    // Not only once it has joined: what was posted meanwhile may be answered in the same breath.
    await view.join((message, socket) => hear(socket, message));
  }
  async function stop(socket: TestSocket, id: string, data: object, replies: ReadonlySet<string>) {
    const request = { type: 'run_cancel', session_id: sessionId, data };
    if ((await ask(socket, id, request)).type !== 'message_ack') return;
    seen.stops += 1;
    const entry: Stopped = { replies, silentFrom: new Map() };
    stopped.push(entry);
    entry.silentFrom.set(socket, socket.received.length);
    for (const [index, { view }] of everyone.entries()) {
      const other = view.socket;
      if (!other || other === socket) continue;
      // What was on its way to them when the stop was acknowledged comes before the answer to this.
      void ask(other, `${id} ${index}`, { type: 'ping' }).then(() =>
        entry.silentFrom.set(other, other.received.length),
      );
    }
  }

  async function settled({ view, posted }: Member, index: number): Promise<void> {
    if (view.socket) await ask(view.socket, `ping${index}`, { type: 'ping' });
    await Promise.all(posted);
  }

  /**
   * The log, once it and what everyone has of it are at rest. A message of a connection that was cut may
   * come to it at any time.
   */
  async function quiet(): Promise<readonly SessionEvent[]> {
    for (;;) {
      const { events = [] } = (await store.readSession(sessionId, { limit: 1_000 })) ?? {};
      for (const { view } of everyone) await view.until(({ lastSeq }) => lastSeq >= events.length);
      const left = (await store.unfinishedRuns()).some((one) => one.sessionId === sessionId);
      const last = (await store.getSession(sessionId))?.lastSeq;
      // What was not there when the log was read was not there before `left` was asked for either.
      const isWhole = [last, ...everyone.map(({ view }) => view.lastSeq)].every(
        (seq) => seq === events.length,
      );
      if (isWhole && !left) return events;
      await pause();
    }
  }

  await Promise.all(everyone.map((one, index) => join(one, nodes[index % NODES]?.ws ?? '')));
  let heal = () => {};
  let isLost = false;
  for (const [index, step] of todo.entries()) {
    switch (step.what) {
      case 'post': {
        const { view, posted } = member(step.person);
        if (!view.socket) break;
        posted.push(answered(view.socket, `m${index}`));
        view.say(`m${index}`, `${index}`, { agent_name: step.careful ? 'careful' : 'puppet' });
        break;
      }
      case 'say':
        for (const one of runs) void one.say(`${index} `);
        break;
      case 'finish':
        void runs.at(-1)?.finish();
        break;
      case 'stop': {
        const { socket, answer } = member(step.person).view;
        if (!socket) break;
        const isOne = step.one && answer !== undefined;
        const replies = isOne ? new Set([answer.reply_to]) : new Set(acknowledged);
        void stop(socket, `stop${index}`, isOne ? { run_id: answer.run_id } : {}, replies);
        break;
      }
      case 'cut':
        await member(step.person).doing;
        member(step.person).view.cut();
        break;
      case 'join': {
        const one = member(step.person);
        if (!one.view.socket) seen.resumes += 1;
        one.doing = one.doing.then(() => join(one, nodes[step.node]?.ws ?? ''));
        one.doing.catch(() => {});
        break;
      }
      case 'lose': {
        // One of them is there: else nobody would take over.
        if (isLost) break;
        isLost = true;
        const [busy] = await store.unfinishedRuns();
        const owner = nodes.findIndex(({ runs: { node } }) => node === busy?.node);
        const which = owner === -1 ? step.node : owner;
        const { runs: own } = nodes[which] as (typeof nodes)[number];
        heal = silence(stores[which] as Store, own.node);
        if (!step.awaited) break;
        while ((await store.unfinishedRuns(own.node)).length > 0) await pause();
        break;
      }
      case 'mute':
        mute.add(step.node);
        seen.mutes += 1;
        break;
      case 'heal':
        heal();
        mute.clear();
        isLost = false;
        break;
      case 'settle':
        await member(step.person).doing;
        await settled(member(step.person), index);
        break;
    }
    await new Promise(setImmediate);
  }

  // Everything comes to its end, and everyone has it.
  heal();
  mute.clear();
  isOver = true;
  for (const one of runs) void one.finish();
  for (const [index, one] of everyone.entries()) {
    await one.doing;
    await join(one, nodes[index % NODES]?.ws ?? '');
    await settled(one, todo.length + index);
  }
  const events = await quiet();
  for (const { view } of everyone) {
    const log = view.log();
    if (!isDeepStrictEqual(log, events))
      faults.push(`somebody has another transcript: ${JSON.stringify([log, events])}`);
  }
  faults.push(...judge(events, acknowledged));
  for (const event of events) {
    if (event.type !== 'agent_response') continue;
    const { status } = event.data;
    seen.ends[status] = (seen.ends[status] ?? 0) + 1;
    seen.takeovers += (event.attempt ?? 1) - 1;
  }
  if (faults.length > 0) throw new Error(faults.slice(0, 5).join('\n'));
}

/** Every message that was acknowledged is there, and every message has one end. */
function judge(events: readonly SessionEvent[], acknowledged: ReadonlySet<string>): string[] {
  const ends = events.flatMap(({ type, reply_to }) =>
    type === 'agent_response' && reply_to !== undefined ? [reply_to] : [],
  );
  const asked = events.flatMap(({ type, message_id }) =>
    type === 'chat_message' ? [message_id] : [],
  );
  return [
    ...asked.flatMap((id) => {
      const count = ends.filter((reply) => reply === id).length;
      return count === 1 ? [] : [`${id} has ${count} ends`];
    }),
    ...[...acknowledged].flatMap((id) => (asked.includes(id) ? [] : [`${id} is not in the log`])),
  ];
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It did not come to its end in ${ms} ms.`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
