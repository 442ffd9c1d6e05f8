/** The bus of several nodes: sharded publish and subscribe of Redis. */
import { randomUUID } from 'node:crypto';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
} from 'rate-limiter-flexible';
import { type Bus, BusError, type Following, type KeptText, type Notice } from './bus.ts';
import { BEAT_MS, CHECK_MS, type Client, newClient } from './redis-client.ts';

/** What is told of, and nobody waits for. */
export interface BusLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** What a Redis that does not read may make this process hold to be published; what is more is lost. */
const MAX_WAITING = 10_000;
/** Sharded publish and subscribe came with it. */
const OLDEST = 7;
/** Followed by every node: another one could not publish something. */
const LOSS_TOPIC = 'loss';

/** A text that nobody has added to for so long is of a node that is gone, milliseconds. */
const TEXT_MS = 3_600_000;

/**
 * @param deployment what nodes that hear each other have in common: others may use the same Redis.
 * @throws {BusError} where there is no Redis at this address, or one that is too old.
 */
export async function openRedisBus(
  url: string,
  deployment: string,
  log: BusLog,
): Promise<RedisBus> {
  let isOpen = false;
  const publisher = newClient(url, () => isOpen, MAX_WAITING);
  // Says of every topic at once that it is followed, and asks meanwhile whether Redis is there: where only
  // so much may wait that would be refused, as if Redis were not.
  const subscriber = newClient(url, () => isOpen, undefined);
  const bus = new RedisBus(publisher, subscriber, `parley/${deployment} `, log);
  try {
    await Promise.all([publisher.connect(), subscriber.connect()]);
    const info = await publisher.info('server');
    const version = /redis_version:(\d+)\S*/.exec(info);
    if (Number(version?.[1] ?? 0) < OLDEST) {
      throw new Error(`expected Redis ${OLDEST} or newer, got ${version?.[0] ?? 'no version'}`);
    }
    isOpen = true;
    return bus;
  } catch (error) {
    await bus.close();
    throw new BusError(`The bus: ${reasonOf(error)}.`, { cause: error });
  }
}

export class RedisBus implements Bus {
  readonly reachesOthers = true;
  readonly #publisher: Client;
  readonly #subscriber: Client;
  readonly #prefix: string;
  /** Stands before what this node publishes, and tells it from what others do. */
  readonly #node = randomUUID();
  readonly #receivers = new Map<string, Set<(notice: Notice) => void>>();
  /** What this node keeps for others, to say it again where Redis has lost it. */
  readonly #texts = new Map<string, { readonly head: string; text: string }>();
  readonly #onLoss: (() => void)[] = [];
  /** Something of this node's was lost, and the others were not told. */
  #owesLoss = false;
  readonly #beat: NodeJS.Timeout;
  readonly #asked = new Set<Client>();

  constructor(publisher: Client, subscriber: Client, prefix: string, log: BusLog) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#prefix = prefix;
    let isLost = false;
    for (const client of [publisher, subscriber]) {
      // An error that nobody listens to would end the process.
      client.on('error', (error: Error) => {
        if (isLost) return;
        isLost = true;
        log.warn({ reason: reasonOf(error) }, 'the bus is not there: nodes do not hear each other');
      });
      client.on('ready', () => {
        if (!publisher.isReady || !subscriber.isReady) return;
        if (isLost) log.info({}, 'the bus is back');
        isLost = false;
      });
    }
    // The client would do it before it is ready, and where there are many never be: once the socket
    // has enough to write it waits to be ready before it writes more.
    subscriber.on('connect', () => subscriber._getQueue().removeAllPubSubListeners());
    // Subscribed to with all others as soon as there is a connection.
    this.#receivers.set(LOSS_TOPIC, new Set([() => this.#lost()]));
    let wasThere = false;
    subscriber.on('ready', () => {
      const isBack = wasThere;
      wasThere = true;
      void this.#subscribeAnew().then(() => {
        if (isBack) this.#lost();
      });
    });
    publisher.on('ready', () => this.#tellLoss());
    this.#beat = setInterval(() => {
      this.#tellLoss();
      for (const client of [publisher, subscriber]) void this.#revive(client);
    }, BEAT_MS).unref();
  }

  publish(topic: string, notice: Notice): Promise<boolean> {
    // What is lost is found by who lacks it.
    const text = this.#node + JSON.stringify(notice);
    return this.#publisher.sPublish(this.#prefix + topic, text).then(
      (receivers) => receivers > 0,
      () => {
        this.#owesLoss = true;
        return false;
      },
    );
  }

  /** Others may have heard everything but this node. Where this is lost too it is owed again. */
  #tellLoss(): void {
    if (!this.#owesLoss || !this.#publisher.isReady) return;
    this.#owesLoss = false;
    void this.publish(LOSS_TOPIC, {});
  }

  onLoss(callback: () => void): void {
    this.#onLoss.push(callback);
  }

  #lost(): void {
    for (const callback of this.#onLoss) callback();
  }

  follow(topic: string, receive: (notice: Notice) => void): Following {
    const receivers = this.#receivers.get(topic) ?? new Set();
    this.#receivers.set(topic, receivers.add(receive));
    const ready = this.#subscribe(topic);
    return {
      ready,
      end: () => {
        receivers.delete(receive);
        if (receivers.size > 0 || this.#receivers.get(topic) !== receivers) return;
        this.#receivers.delete(topic);
        this.#unsubscribe(topic);
      },
    };
  }

  grow(key: string, head: Notice, piece: string): void {
    const said = JSON.stringify(head);
    let own = this.#texts.get(key);
    if (own?.head !== said) {
      own = { head: said, text: '' };
      this.#texts.set(key, own);
    }
    const { length } = own.text;
    own.text += piece;
    const text = own;
    void this.#send(key, said, length, piece).then((isKept) => {
      // Said whole, it is what every piece that came meanwhile has made of it.
      if (!isKept && this.#texts.get(key) === text) void this.#send(key, said, 0, text.text);
    });
  }

  async #send(key: string, head: string, length: number, piece: string): Promise<boolean> {
    const after = `${length + piece.length}`;
    return this.#publisher
      .grow(this.#keysOf(key), head, `${length}`, piece, after, `${TEXT_MS}`)
      .catch(() => false);
  }

  async kept(key: string): Promise<KeptText | undefined> {
    const [head, text] = await this.#publisher.readKept(this.#keysOf(key)).catch(() => []);
    if (!head || typeof text !== 'string') return undefined;
    return { head: JSON.parse(head), text };
  }

  drop(key: string, head: Notice): void {
    const said = JSON.stringify(head);
    if (this.#texts.get(key)?.head !== said) return;
    this.#texts.delete(key);
    // The node that has taken the answer over may keep what it writes of it by now.
    this.#publisher.dropKept(this.#keysOf(key), said).catch(() => {});
  }

  #keysOf(key: string): [head: string, text: string] {
    return [`${this.#prefix}head {${key}}`, `${this.#prefix}text {${key}}`];
  }

  limiter(name: string, points: number, duration: number): RateLimiterAbstract {
    return new RateLimiterRedis({
      storeClient: this.#publisher,
      useRedisPackage: true,
      rejectIfRedisNotReady: true,
      keyPrefix: `${this.#prefix}${name}`,
      points,
      duration,
      insuranceLimiter: new RateLimiterMemory({ points, duration }),
    });
  }

  async check(): Promise<void> {
    try {
      if (!this.#subscriber.isReady) throw new Error('There is no connection to Redis.');
      // One that is full, or follows another one, answers and keeps nothing.
      const expiration = { type: 'PX', value: BEAT_MS } as const;
      await inTime(this.#publisher.set(`${this.#prefix}check`, '', { expiration }));
    } catch (error) {
      throw new BusError(reasonOf(error), { cause: error });
    }
  }

  /** Gives up a connection that is dead, and with it whatever waits for its answers. */
  async #revive(client: Client): Promise<void> {
    if (!client.isReady || this.#asked.has(client)) return;
    this.#asked.add(client);
    try {
      await inTime(client.ping());
    } catch (error) {
      // Closed meanwhile, or lost in a way that the client has seen by itself.
      if (!client.isReady) return;
      client.emit('error', error);
      client.destroy();
      // Tries again until it is there, or closed.
      client.connect().catch(() => {});
    } finally {
      this.#asked.delete(client);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#receivers.clear();
    this.#texts.clear();
    for (const client of [this.#publisher, this.#subscriber]) client.destroy();
  }

  /** Never rejects: without a connection it is done as soon as there is one. */
  async #subscribe(topic: string): Promise<void> {
    await this.#subscriber.sSubscribe(this.#prefix + topic, this.#receive).catch(() => {});
  }

  #unsubscribe(topic: string): void {
    // A connection that is lost follows nothing any more.
    this.#subscriber.sUnsubscribe(this.#prefix + topic, this.#receive).catch(() => {});
  }

  async #subscribeAnew(): Promise<void> {
    await Promise.all(Array.from(this.#receivers.keys(), (topic) => this.#subscribe(topic)));
  }

  readonly #receive = (text: string, channel: string): void => {
    const receivers = this.#receivers.get(channel.slice(this.#prefix.length));
    if (!receivers || text.startsWith(this.#node)) return;
    const notice: Notice = JSON.parse(text.slice(this.#node.length));
    for (const receive of receivers) receive(notice);
  };
}

/** @throws {Error} where Redis has not answered in time. */
async function inTime<Answer>(asked: Promise<Answer>): Promise<Answer> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const error = new Error(`Redis has not answered in ${CHECK_MS} ms`);
  const timer = setTimeout(() => reject(error), CHECK_MS);
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof AggregateError
    ? error.errors.map((one) => (one as Error).message).join('; ')
    : (error as Error).message;
}
