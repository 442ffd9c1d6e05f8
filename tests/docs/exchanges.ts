/**
 * Plays the worked exchanges of PROTOCOL.md against a real gateway: what the page says a client
 * sends is sent, and what it says the server answers has to come, field by field. Ids and times are
 * the only things that may differ, and an id has to differ in the same way everywhere.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ServerMessage } from '@parley/protocol';
import { WebSocket } from 'ws';
import { createGateway, type Gateway } from '../../packages/gateway/src/index.ts';
import { type PuppetRun, puppet } from '../helpers/puppet.ts';

type Step =
  | { readonly kind: 'connect'; readonly who: string; readonly protocol: string | undefined }
  | { readonly kind: 'send'; readonly who: string; readonly text: string }
  | { readonly kind: 'receive'; readonly who: string; readonly message: Json }
  | { readonly kind: 'lose'; readonly who: string }
  | { readonly kind: 'closed'; readonly who: string; readonly code: number }
  | { readonly kind: 'aside'; readonly text: string };

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface Exchange {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** The blocks that follow a comment `<!-- exchange: name -->`, in order. */
export function exchangesIn(markdown: string): Exchange[] {
  const blocks = markdown.matchAll(/<!-- exchange: ([\w -]+) -->\s*```\w*\n([\s\S]*?)\n```/g);
  return [...blocks].map(([, name = '', text = '']) => ({ name, steps: stepsOf(text) }));
}

function stepsOf(text: string): Step[] {
  // A frame may go on in lines that are indented.
  const lines = text.replaceAll(/\n {2,}/g, ' ').split('\n');
  return lines.filter((line) => line.trim() !== '').map(stepOf);
}

function stepOf(line: string): Step {
  const [, who = '', rest = ''] = /^([A-Z]) (.*)$/.exec(line) ?? [];
  if (rest.startsWith('→ ')) return { kind: 'send', who, text: rest.slice(2) };
  if (rest.startsWith('← ')) return { kind: 'receive', who, message: JSON.parse(rest.slice(2)) };
  if (rest === 'loses the connection') return { kind: 'lose', who };
  const connect = /^connects(?: with (\S+))?$/.exec(rest);
  if (connect) return { kind: 'connect', who, protocol: connect[1] };
  const closed = /^is closed with (\d{4})$/.exec(rest);
  if (closed) return { kind: 'closed', who, code: Number(closed[1]) };
  const aside = /^\((.*)\)$/.exec(line);
  if (aside) return { kind: 'aside', text: aside[1] ?? '' };
  throw new Error(`An exchange has a line that says nothing known: ${line}`);
}

/** The name of the agent that answers in the exchanges. */
const AGENT = 'helper';
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

class Peer {
  readonly #socket: WebSocket;
  readonly #received: Json[] = [];
  #wake: () => void = () => {};
  readonly opened: Promise<unknown>;
  readonly closed: Promise<number>;

  constructor(url: string, protocol: string | undefined) {
    this.#socket = new WebSocket(url, protocol === undefined ? [] : [protocol]);
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once('open', resolve);
      this.#socket.once('error', reject);
    });
    this.closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.on('message', (bytes) => {
      this.#received.push(JSON.parse(String(bytes)));
      this.#wake();
    });
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  /** The next message; `presence` is passed over unless it is what is wanted. */
  async next(type: string): Promise<Json> {
    for (;;) {
      const message = this.#received.shift();
      if (message === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const isPresence = (message as { type: string }).type === 'presence';
      if (!isPresence || type === 'presence') return message;
    }
  }

  cut(): void {
    this.#socket.terminate();
  }
}

export class Replay {
  /** Called with every frame as it really came, beside the one of the page. */
  onFrame: (who: string, actual: Json) => void = () => {};
  readonly #dataDir: string;
  readonly #agent = puppet({ name: AGENT });
  readonly #peers = new Map<string, Peer>();
  /** Ids of the page → ids of this gateway. */
  readonly #ids = new Map<string, string>();
  #gateway: Gateway | undefined;
  #port = 0;
  #run: PuppetRun | undefined;
  /** What the agent has said of its answer. */
  #said = '';
  #calls: string[] = [];
  /** The text of the answer that ended while nobody of the page was connected. */
  #unseenEnd: string | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  async start(): Promise<void> {
    this.#gateway = await createGateway({
      port: 0,
      dataDir: this.#dataDir,
      logLevel: 'silent',
      ollamaUrl: '',
      agents: [this.#agent.agent],
    });
    ({ port: this.#port } = await this.#gateway.listen());
  }

  async close(): Promise<void> {
    for (const peer of this.#peers.values()) peer.cut();
    await this.#gateway?.close();
  }

  async play(exchange: Exchange): Promise<void> {
    for (const step of exchange.steps) {
      try {
        await this.#step(step);
      } catch (cause) {
        throw new Error(`${exchange.name}: ${JSON.stringify(step)}: ${cause}`, { cause });
      }
    }
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'connect': {
        const peer = new Peer(`ws://127.0.0.1:${this.#port}/ws`, step.protocol);
        this.#peers.set(step.who, peer);
        await peer.opened;
        return;
      }
      case 'send':
        this.#peer(step.who).send(this.#translated(step.text));
        return;
      case 'receive':
        await this.#receive(step.who, step.message);
        return;
      case 'lose': {
        const peer = this.#peer(step.who);
        peer.cut();
        await peer.closed;
        return;
      }
      case 'closed': {
        const code = await this.#peer(step.who).closed;
        if (code !== step.code) throw new Error(`closed with ${code}`);
        return;
      }
      case 'aside':
        await this.#aside(step.text);
    }
  }

  #peer(who: string): Peer {
    const peer = this.#peers.get(who);
    if (!peer) throw new Error(`${who} has not connected.`);
    return peer;
  }

  /** Ids that this gateway gave out in the place of those on the page. */
  #translated(text: string): string {
    let translated = text;
    for (const [id, actual] of this.#ids) translated = translated.replaceAll(id, actual);
    return translated;
  }

  async #receive(who: string, expected: Json): Promise<void> {
    const message = expected as ServerMessage & { [key: string]: Json };
    await this.#prompt(message);
    const actual = await this.#peer(who).next(message.type);
    this.onFrame(who, actual);
    const difference = this.#differs(expected, actual, message.type);
    if (difference) throw new Error(`${difference}\n  it was ${JSON.stringify(actual)}`);
  }

  /** Lets the agent do what the page says comes next, where it has not done it. */
  async #prompt(message: ServerMessage): Promise<void> {
    if (message.type === 'run_status' && message.data.status === 'running') {
      await this.#nextRun();
    } else if (message.type === 'agent_chunk') {
      const { offset, content } = message.data;
      const run = this.#run ?? (await this.#nextRun());
      const rest = (this.#said.slice(0, offset) + content).slice(this.#said.length);
      if (rest !== '') await this.#say(run, rest);
    } else if (message.type === 'agent_response' && this.#unseenEnd === message.data.content) {
      this.#unseenEnd = undefined;
    } else if (message.type === 'agent_response' && message.data.status === 'complete') {
      // A client of the plain profile is not told that the run has begun.
      const run = this.#run ?? (await this.#nextRun());
      const rest = message.data.content.slice(this.#said.length);
      if (rest !== '') await this.#say(run, rest);
      await run.finish();
      this.#run = undefined;
    } else if (message.type === 'agent_response') {
      this.#run = undefined;
    } else if (message.type === 'tool_call' || message.type === 'tool_result') {
      const { tool_call_id: id, tool_name: name } = message.data;
      const key = `${message.type} ${id}`;
      if (this.#calls.includes(key) || !this.#run) return;
      this.#calls.push(key);
      await this.#run.say(
        message.type === 'tool_call'
          ? { type: 'tool_call', id, name, arguments: message.data.arguments }
          : { type: 'tool_result', id, name, result: message.data.result },
      );
    }
  }

  async #nextRun(): Promise<PuppetRun> {
    this.#run ??= await this.#agent.next();
    this.#said = '';
    this.#calls = [];
    return this.#run;
  }

  async #say(run: PuppetRun, text: string): Promise<void> {
    this.#said += text;
    await run.say(text);
  }

  /** Resolves when the end is on disk, as a connection sees it that is not on the page. */
  async #finishUnseen(run: PuppetRun): Promise<void> {
    const watcher = new Peer(`ws://127.0.0.1:${this.#port}/ws`, 'parley.v1');
    await watcher.opened;
    const { sessionId } = run.input;
    watcher.send(JSON.stringify({ type: 'session_join', session_id: sessionId }));
    await watcher.next('session_status');
    await run.finish();
    await watcher.next('agent_response');
    watcher.cut();
    await watcher.closed;
    this.#run = undefined;
    this.#unseenEnd = this.#said;
  }

  async #aside(text: string): Promise<void> {
    const writes = /^meanwhile the agent writes (".*")$/.exec(text);
    const finishes = text === 'meanwhile the agent finishes';
    const fails = /^the agent fails: (".*")$/.exec(text);
    const asks = /^the agent asks whether it may use (\w+) with (\{.*\})$/.exec(text);
    if (writes?.[1] && this.#run) await this.#say(this.#run, JSON.parse(writes[1]));
    else if (finishes && this.#run) await this.#finishUnseen(this.#run);
    else if (fails?.[1] && this.#run) await this.#run.fail(new Error(JSON.parse(fails[1])));
    else if (asks?.[1] && asks[2] && this.#run) {
      void this.#run.context
        .approve({ tool: asks[1], arguments: JSON.parse(asks[2]) })
        .catch(() => {});
    } else if (text === 'the server ends at once') await this.#gateway?.close();
    else if (text === 'the server starts again') {
      // The run of the old process is of no use any more; the new one starts another.
      this.#run = undefined;
      await this.start();
      await this.#nextRun();
    } else if (text === 'the server is told to stop') void this.#gateway?.drain();
    else throw new Error('an aside that says nothing known');
  }

  /** Where `actual` is not what the page says, in words. */
  #differs(expected: Json, actual: Json, path: string): string | undefined {
    if (typeof expected === 'string' && typeof actual === 'string') {
      if (TIME.test(expected)) return TIME.test(actual) ? undefined : `${path}: no time`;
      if (!UUID.test(expected)) return same(expected, actual, path);
      const known = this.#ids.get(expected);
      if (known === undefined && UUID.test(actual)) this.#ids.set(expected, actual);
      return known === undefined || known === actual ? undefined : `${path}: another id`;
    }
    if (Array.isArray(expected) && Array.isArray(actual)) {
      if (expected.length !== actual.length) return `${path}: ${actual.length} entries`;
      return first(expected, (entry, at) =>
        this.#differs(entry, actual[at] as Json, `${path}.${at}`),
      );
    }
    if (isObject(expected) && isObject(actual)) {
      const fields = Object.keys(expected);
      if (!isDeepStrictEqual(fields.toSorted(), Object.keys(actual).toSorted())) {
        return `${path}: fields ${Object.keys(actual)}, not ${fields}`;
      }
      return first(fields, (field) =>
        this.#differs(expected[field] as Json, actual[field] as Json, `${path}.${field}`),
      );
    }
    // Everyone is told another moment to come back at.
    if (path.endsWith('.retry_after_ms') && typeof actual === 'number') return undefined;
    return same(expected, actual, path);
  }
}

function same(expected: Json, actual: Json, path: string): string | undefined {
  if (expected === actual) return undefined;
  return `${path}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`;
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function first<Item>(
  items: readonly Item[],
  look: (item: Item, at: number) => string | undefined,
): string | undefined {
  for (const [at, item] of items.entries()) {
    const found = look(item, at);
    if (found) return found;
  }
  return undefined;
}
