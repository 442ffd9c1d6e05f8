/** A connection to Redis, and what it does there in one step. */
import { type CommandParser, createClient, defineScript } from '@redis/client';

/** Redis is asked again after so long, with full jitter: the first time, milliseconds, */
const RETRY_MS = 50;
/** and at the most: it is back for everyone within 2 s of its return. */
const MAX_RETRY_MS = 1_000;
/** Redis has so long to answer whether it is there, milliseconds. */
export const CHECK_MS = 2_000;
/** Every so often it is asked, because a network that swallows everything says nothing of it. */
export const BEAT_MS = 1_000;

/** Adds to a text, if it is the one that the piece follows; else 0, and it is to be said whole. */
const grow = defineScript({
  NUMBER_OF_KEYS: 2,
  SCRIPT: `
    local head, length, piece, after, expiry = unpack(ARGV)
    if length ~= '0' then
      if redis.call('HGET', KEYS[1], 'head') ~= head or redis.call('HGET', KEYS[1], 'length') ~= length
        or redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
      redis.call('APPEND', KEYS[2], piece)
    else
      redis.call('SET', KEYS[2], piece)
    end
    redis.call('HSET', KEYS[1], 'head', head, 'length', after)
    for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, expiry) end
    return 1`,
  parseCommand(parser: CommandParser, keys: readonly string[], ...parameters: readonly string[]) {
    parser.pushKeys([...keys]);
    parser.push(...parameters);
  },
  transformReply: (reply: unknown) => reply === 1,
});
/** Takes a text away, if it is still the one that is meant. */
const dropKept = defineScript({
  NUMBER_OF_KEYS: 2,
  SCRIPT: `
    if redis.call('HGET', KEYS[1], 'head') ~= ARGV[1] then return 0 end
    return redis.call('DEL', KEYS[1], KEYS[2])`,
  parseCommand(parser: CommandParser, keys: readonly string[], head: string) {
    parser.pushKeys([...keys]);
    parser.push(head);
  },
  transformReply: (reply: unknown) => reply,
});
const readKept = defineScript({
  NUMBER_OF_KEYS: 2,
  SCRIPT: `return { redis.call('HGET', KEYS[1], 'head'), redis.call('GET', KEYS[2]) }`,
  parseCommand(parser: CommandParser, keys: readonly string[]) {
    parser.pushKeys([...keys]);
  },
  transformReply: (reply: unknown) => reply as [head?: string, text?: string],
});

export type Client = ReturnType<typeof newClient>;

/**
 * @param isOpen whether it was there once: from then on it is waited for, however long it takes.
 * @param maxWaiting commands that may wait for their answers; what is more is refused.
 */
export function newClient(url: string, isOpen: () => boolean, maxWaiting: number | undefined) {
  return createClient({
    url,
    scripts: { grow, readKept, dropKept },
    // What waits for a connection would come late, and out of order with what is in the store.
    disableOfflineQueue: true,
    ...(maxWaiting === undefined ? {} : { commandsQueueMaxLength: maxWaiting }),
    socket: {
      connectTimeout: CHECK_MS,
      // While it is being made nobody asks; afterwards the answers come more often than that.
      socketTimeout: CHECK_MS + BEAT_MS,
      reconnectStrategy: (retries, cause) => {
        if (!isOpen()) return cause;
        const most = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** Math.min(retries, 10));
        return Math.ceil(Math.random() * most);
      },
    },
  });
}
