import { isDeepStrictEqual } from 'node:util';
import {
  CLIENT_MESSAGE_TYPES,
  chatMessageSchema,
  createError,
  type Decoded,
  decode,
  ERROR_CODES,
  type Profile,
  SUBPROTOCOL,
  serverMessageSchema,
} from '@parley/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { envelope } from '../helpers/garbage.ts';
import { seeded } from '../helpers/seeded.ts';

const RUNS = 500;
const PER_RUN = 1_000;
const PROFILES: readonly Profile[] = ['plain', SUBPROTOCOL];

/** Of every so many refusals the message that tells of it is held against its schema. */
const SCHEMA_EVERY = 16;

/** What is wrong with how a frame was taken, if anything. */
function fault(
  frame: string,
  decoded: Decoded,
  profile: Profile,
  whole: boolean,
): string | undefined {
  if (decoded.ok) {
    // Most of them are taken without the schema, which has to be of the same opinion.
    if (decoded.message.type === 'chat_message') {
      const { success, data } = chatMessageSchema.safeParse(JSON.parse(frame));
      if (!success) return 'a chat_message that the schema refuses';
      if (!isDeepStrictEqual({ ...data }, { ...decoded.message }))
        return 'not what the schema makes';
    }
    const types: readonly string[] = CLIENT_MESSAGE_TYPES[profile];
    if (!types.includes(decoded.message.type)) return 'a type that the profile has not';
    const { data } = decoded.message;
    if ('content' in data && !data.content.isWellFormed()) return 'text that is not well-formed';
    return undefined;
  }
  const { code, message } = decoded.error;
  if (!Object.hasOwn(ERROR_CODES, code)) return `an undocumented code ${code}`;
  if (message === '' || message.length > 600) return `words without bounds: ${message}`;
  if (!whole) return undefined;
  const { error, replyTo } = decoded;
  const told = createError(error, replyTo === undefined ? {} : { reply_to: replyTo });
  const parsed = serverMessageSchema.safeParse(told);
  return parsed.success ? undefined : `a refusal that breaks the schema: ${parsed.error.message}`;
}

// Half of the time would go into the stacks of half a million refusals, which nobody reads.
Error.stackTraceLimit = 0;

const TOTAL = RUNS * PER_RUN * PROFILES.length;

test(`[R9] [R12] ${TOTAL} envelopes, nearly right and wrong: each is taken or refused with a documented code`, () => {
  let taken = 0;
  let seen = 0;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const random = seeded(seed);
      for (let i = 0; i < PER_RUN; i += 1) {
        const frame = envelope(random);
        for (const profile of PROFILES) {
          const decoded = decode(frame, profile);
          seen += 1;
          if (decoded.ok) taken += 1;
          const found = fault(frame, decoded, profile, seen % SCHEMA_EVERY === 0);
          if (found !== undefined) throw new Error(`${found}, for ${JSON.stringify(frame)}`);
        }
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  expect(seen).toBe(TOTAL);
  // Garbage worth its name: neither all refused nor all taken.
  expect(taken / TOTAL).toBeGreaterThan(0.1);
  expect(taken / TOTAL).toBeLessThan(0.9);
}, 180_000);
