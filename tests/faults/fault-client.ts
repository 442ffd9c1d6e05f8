/**
 * A client as anyone could write it from the protocol's description, on a bare socket: it keeps one
 * place in the log and one in the running answer, resends what was not acknowledged, and at times
 * stops an answer, loses its connection, or says again what was acknowledged already.
 */
import type { ClientMessageInput, ServerMessage } from '@parley/protocol';
import { WebSocket } from 'ws';
import { between, type Random } from '../helpers/seeded.ts';
import type { Entry, Recording } from './record.ts';
import { Seen } from './seen.ts';

/** What the clients share: where the server is, and what is going on. */
export interface World {
  readonly url: string;
  /** The life of the server that goes on, or that comes next. */
  readonly epoch: number;
  /** Whether clients go on asking and making trouble. */
  readonly busy: boolean;
  /** Resolves when the server listens. */
  readonly up: Promise<void>;
  /** How many words a second agents write at the least, and at the most. */
  readonly pace: readonly [from: number, to: number];
  /** Something was received. */
  readonly noticed: () => void;
  /**
   * A client that has heard nothing for so long asks, and for twice so long gives the connection up,
   * milliseconds. Without it only an end of which it is told is one.
   */
  readonly heartbeat?: number | undefined;
}

/** How often, of 1. */
const STOP_PER_CHUNK = 0.002;
const DROP_PER_CHUNK = 0.001;
const DROP_AFTER_SEND = 0.12;
const SEND_TWICE = 0.08;
const REPEAT_ACKNOWLEDGED = 0.06;

export class FaultClient implements Recording {
  readonly client: string;
  readonly session: string;
  readonly entries: Entry[] = [];
  readonly seen: Seen;
  /** The codes with which connections ended that it had not dropped itself. */
  readonly closes: number[] = [];
  /** Milliseconds from each such end until it had joined again and knew everything that it had missed. */
  readonly resumes: number[] = [];
  /** It has dropped its last connection itself. */
  dropped = false;
  /** Messages that were sent and not acknowledged, in order. */
  readonly unacknowledged = new Map<string, ClientMessageInput>();
  /** Messages of the session, as far as it knows, whose answers have not ended. */
  readonly open = new Set<string>();
  readonly #world: World;
  readonly #random: Random;
  #socket: WebSocket | undefined;
  #left = Promise.withResolvers<void>();
  #epoch = 0;
  #count = 0;
  #acknowledged: ClientMessageInput | undefined;
  #state: 'away' | 'connecting' | 'joined' | 'gone' = 'away';
  /** When it lost its connection, and the `seq` from which on it has missed nothing. */
  #cut: { readonly at: number; until: number } | undefined;

  /** Messages that it has waiting for an answer at the most. */
  readonly #ahead: number;

  constructor(client: string, session: string, world: World, random: Random, ahead = 1) {
    this.client = client;
    this.session = session;
    this.seen = new Seen(client, session);
    this.#world = world;
    this.#random = random;
    this.#ahead = ahead;
  }

  get joined(): boolean {
    return this.#state === 'joined' && this.seen.joined;
  }

  /** An answer is being written before its eyes. */
  get inMidAnswer(): boolean {
    return this.joined && this.seen.answer?.epoch === this.#epoch;
  }

  /** It has asked nothing that is not answered and ended, and shows nothing unfinished. */
  get settled(): boolean {
    const { joined, unacknowledged, open, seen } = this;
    return joined && unacknowledged.size === 0 && open.size === 0 && !seen.answer;
  }

  /** Resolves when its connection is gone, if it has one. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  start(): void {
    void this.#connect();
  }

  /** Leaves for good. */
  leave(): void {
    this.#state = 'gone';
    this.#socket?.terminate();
  }

  async #connect(): Promise<void> {
    await this.#world.up;
    if (this.#state !== 'away') return;
    this.#state = 'connecting';
    this.dropped = false;
    const { heartbeat } = this.#world;
    const deadline = heartbeat === undefined ? {} : { handshakeTimeout: 2 * heartbeat };
    const socket = new WebSocket(this.#world.url, ['parley.v1'], deadline);
    this.#socket = socket;
    const left = Promise.withResolvers<void>();
    this.#left = left;
    this.#epoch = this.#world.epoch;
    socket.on('error', () => {});
    let isOpen = false;
    socket.on('open', () => {
      isOpen = true;
      this.entries.push({ way: 'open', epoch: this.#epoch });
      this.seen.apply({ way: 'open', epoch: this.#epoch });
      this.#join();
      if (heartbeat !== undefined) this.#listen(socket, heartbeat);
    });
    socket.on('message', (bytes) => this.#receive(JSON.parse(String(bytes)) as ServerMessage));
    socket.on('close', (code) => {
      left.resolve();
      if (this.#state === 'gone') return;
      if (isOpen && !this.dropped) {
        this.closes.push(code);
        if (this.#state === 'joined') this.#cut = { at: performance.now(), until: Infinity };
      }
      this.#state = 'away';
      // A turn of the loop, so that a server which refuses is not asked without a pause.
      setTimeout(() => void this.#connect(), 5);
    });
  }

  #listen(socket: WebSocket, heartbeat: number): void {
    let heardAt = performance.now();
    socket.on('message', () => {
      heardAt = performance.now();
    });
    const timer = setInterval(() => {
      const silence = performance.now() - heardAt;
      if (silence > 2 * heartbeat) socket.terminate();
      else if (silence > heartbeat) socket.send(JSON.stringify({ type: 'ping', data: {} }));
    }, heartbeat / 2);
    socket.on('close', () => clearInterval(timer));
  }

  #join(): void {
    const { answer, first, last } = this.seen;
    const message_id = `${this.client}-join-${this.entries.length}`;
    if (first === undefined) {
      this.#send({ type: 'session_create', session_id: this.session, message_id, data: {} });
      return;
    }
    const position = answer && {
      run_id: answer.run,
      attempt: answer.attempt,
      offset: answer.text.length,
    };
    this.#send({
      type: 'session_join',
      message_id,
      data: {
        session_id: this.session,
        after_seq: last,
        ...(position ? { answer: position } : {}),
      },
    });
  }

  #receive(message: ServerMessage): void {
    // Sent before the connection was given up: what the client does not act on, it has not seen.
    if (this.#state !== 'connecting' && this.#state !== 'joined') return;
    const entry: Entry = { way: 'in', epoch: this.#epoch, message };
    this.entries.push(entry);
    this.seen.apply(entry);
    this.#follow(message);
    if (this.#cut && this.seen.last >= this.#cut.until) {
      this.resumes.push(performance.now() - this.#cut.at);
      this.#cut = undefined;
    }
    this.#world.noticed();
  }

  #follow(message: ServerMessage): void {
    switch (message.type) {
      case 'session_status':
        if (message.reply_to === undefined) return;
        this.#state = 'joined';
        if (this.#cut) this.#cut.until = message.data.last_seq;
        for (const unsent of this.unacknowledged.values()) this.#send(unsent);
        for (const entry of message.data.history ?? []) this.#log(entry.type, entry);
        this.#askSoon();
        return;
      case 'message_ack': {
        const { reply_to: id = '' } = message;
        const acknowledged = this.unacknowledged.get(id);
        if (acknowledged) this.#acknowledged = acknowledged;
        this.unacknowledged.delete(id);
        return;
      }
      case 'agent_chunk':
        if (!this.#world.busy) return;
        if (this.#random() < STOP_PER_CHUNK) this.#stop(message.run_id);
        if (this.#random() < DROP_PER_CHUNK) this.#drop();
        return;
      case 'chat_message':
      case 'agent_response':
        this.#log(message.type, message);
        this.#askSoon();
        return;
      case 'error':
        if (message.data.retryable) this.#again(message.reply_to, message.data.retry_after_ms);
    }
  }

  /** Does what was refused for now once more, unless the connection is another one by then. */
  #again(id = '', afterMs = 100): void {
    const socket = this.#socket;
    setTimeout(() => {
      if (socket !== this.#socket || socket?.readyState !== WebSocket.OPEN) return;
      if (this.#state === 'connecting') this.#join();
      const message = this.unacknowledged.get(id);
      if (message) this.#send(message);
    }, afterMs);
  }

  #log(
    type: string,
    entry: { message_id?: string | undefined; reply_to?: string | undefined },
  ): void {
    if (type === 'chat_message') this.open.add(entry.message_id ?? '');
    if (type === 'agent_response') this.open.delete(entry.reply_to ?? '');
  }

  #askSoon(): void {
    if (!this.#world.busy || this.#mine() >= this.#ahead) return;
    setTimeout(() => this.#ask(), between(this.#random, 0, 150));
  }

  /** How many of its own messages wait for an acknowledgement or an end. */
  #mine(): number {
    return [...this.open].filter((id) => this.seen.sent.has(id)).length;
  }

  #ask(): void {
    if (!this.#world.busy || !this.joined || this.#mine() >= this.#ahead) return;
    const random = this.#random;
    this.#count += 1;
    const id = `${this.client}-m${this.#count}`;
    const tool = random() < 0.2 ? ' tool=search' : '';
    const content = `tokens=${between(random, 8, 40)} rate=${between(random, ...this.#world.pace)}${tool}`;
    const fragile = random() < 0.25 ? { agent_name: 'fragile' } : {};
    const message: ClientMessageInput = {
      type: 'chat_message',
      session_id: this.session,
      message_id: id,
      data: { content, ...fragile },
    };
    this.unacknowledged.set(id, message);
    this.open.add(id);
    this.#send(message);
    if (random() < SEND_TWICE) this.#send(message);
    if (random() < REPEAT_ACKNOWLEDGED && this.#acknowledged) this.#send(this.#acknowledged);
    if (random() < DROP_AFTER_SEND) setTimeout(() => this.#drop(), between(random, 0, 6));
  }

  #stop(run_id: string | undefined): void {
    this.#send({
      type: 'run_cancel',
      session_id: this.session,
      message_id: `${this.client}-stop-${this.entries.length}`,
      data: this.#random() < 0.5 && run_id !== undefined ? { run_id } : {},
    });
  }

  /** As a lost network would. */
  #drop(): void {
    if (this.#state !== 'joined' || !this.#world.busy) return;
    this.dropped = true;
    this.#socket?.terminate();
  }

  #send(message: ClientMessageInput): void {
    const entry: Entry = { way: 'out', epoch: this.#epoch, message };
    this.entries.push(entry);
    this.seen.apply(entry);
    this.#socket?.send(JSON.stringify(message));
  }
}
