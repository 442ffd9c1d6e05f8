/** What the API takes and gives. Where the wire has a field, its schema is the wire's. */
import {
  answerPositionSchema,
  chatMessageSchema,
  errorSchema,
  historyEntrySchema,
  runEndSchema,
  sessionCreateSchema,
  sessionUpdateSchema,
} from '@parley/protocol';
import * as z from 'zod';
import { PLACE, STORE_LIMITS } from '../stores/store.ts';

/** The most sessions or hits of one page; a larger `limit` means this one. */
const PAGE = 100;
/** The most entries of one page, which the store bounds in length too. */
const ENTRIES = STORE_LIMITS.page;

const asked = chatMessageSchema.shape;
const id = answerPositionSchema.shape.run_id;
const seq = z.int().min(1);
const time = z.iso.datetime();
const unixTime = z.int().describe('Seconds since the epoch.');

/** A number in a query; an empty one is absent. Others than whole numbers are refused as they are. */
function queryNumber<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess(parseNumber, schema);
}

export function pageLimit(fallback: number, most = PAGE) {
  return z.preprocess(
    (value) => {
      const asked = parseNumber(value);
      return typeof asked === 'number' ? Math.min(asked, most) : asked;
    },
    z
      .int()
      .min(1)
      .max(most)
      .default(fallback)
      .describe(`How many at the most. More than ${most} means ${most}.`),
  );
}

function parseNumber(value: unknown): unknown {
  if (value === '') return undefined;
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

/** Servers written in Go take `null` and `""` for an absent text, and pages were written for them. */
function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== null && field !== ''),
  );
}

export const sessionParams = z.object({ id });

const access = z.enum(['read', 'write']).describe('See the session, or write in it as well.');
const person = z.string().min(1).max(128).describe('The id of a principal.');

export const memberParams = z.object({ id, person });

export const inviteBody = z.object({
  access: access.default('write'),
  expires_in_days: z.number().min(0.01).max(90).default(7),
});
export const inviteData = z.object({
  invitation: z.string(),
  access,
  path: z.string().describe('Where the web chat takes it.'),
  expires_at: time,
});

export const acceptBody = z.object({ invitation: z.string().min(1).max(2_048) });
export const acceptData = z.object({ session_id: id });

export const withdrawnData = z.object({ id });

export const membersData = z.object({
  owner: person,
  members: z.array(z.object({ id: person, access })),
});
export const memberData = z.object({ id: person });

export const listQuery = z
  .object({
    after: z
      .string()
      .regex(PLACE)
      .optional()
      .describe('The `next` of the page before: what comes behind it.'),
    offset: queryNumber(
      z.int().min(0).default(0).describe('So many are left out; `after` costs less.'),
    ),
    limit: pageLimit(50, ENTRIES),
  })
  .refine(({ after, offset }) => after === undefined || offset === 0, {
    path: ['offset'],
    message: 'expected after or offset, not both',
  });

export const createBody = sessionCreateSchema.shape.data;
export const updateBody = sessionUpdateSchema.shape.data;

export const messagesQuery = z
  .object({
    before_seq: queryNumber(
      seq.optional().describe('Only entries with a lower `seq`, the newest of them.'),
    ),
    after_seq: queryNumber(
      z.int().min(0).optional().describe('Only entries with a higher `seq`, the oldest of them.'),
    ),
    limit: pageLimit(50, ENTRIES),
  })
  .refine((query) => query.before_seq === undefined || query.after_seq === undefined, {
    path: ['before_seq'],
    message: 'expected before_seq or after_seq, not both',
  });

export const exportQuery = z.object({
  format: z.enum(['markdown', 'json']).default('markdown'),
});

export const searchQuery = z.object({
  q: z
    .string()
    .max(1_000)
    .describe('Words that a message or an answer has to have, the last one as a prefix.'),
  limit: pageLimit(20),
});

export const chatBody = z.preprocess(
  withoutEmpty,
  z.object({
    message: asked.data.shape.content,
    agent_name: asked.data.shape.agent_name.describe('Absent: the agent of the session.'),
    session_id: asked.session_id.describe(
      'Absent: a new session. One that does not exist is created with this id.',
    ),
    message_id: asked.message_id.describe(
      'The idempotency key: a message that is sent again with it is not asked again.',
    ),
  }),
);

export const healthData = z.object({
  status: z.literal('healthy'),
  timestamp: unixTime,
  server: z.literal('parley'),
  version: z.string(),
  uptime: z.number().describe('Seconds since the process started.'),
});

export const readyData = z.object({
  ready: z.literal(true),
  parts: z
    .record(z.string(), z.string())
    .describe('Of each part `ready`, or what is wrong with it.'),
});

export const configData = z.object({
  server: z.object({
    port: z.string().describe("Text, as in AgenticGoKit's WebUI."),
    url: z.string(),
  }),
  features: z.object({
    websocket: z.literal(true),
    streaming: z.literal(true),
    sessions: z.literal(true),
    agents: z.literal(true),
  }),
  subprotocol: z.string().describe('The WebSocket subprotocol of the full profile.'),
  auth: z
    .enum(['none', 'anonymous', 'token', 'custom'])
    .describe('How somebody becomes known here.'),
  limits: z.object({
    max_message_bytes: z.int(),
    max_plain_message_bytes: z.int(),
    hard_message_bytes: z.int().describe('Also the limit of a request body.'),
    max_answer_length: z.int().describe('UTF-16 code units.'),
    max_queued_runs: z.int(),
    title_length: z.int().describe('UTF-16 code units.'),
  }),
});

export const meData = z.object({
  id: z.string().describe('The `sender` of what this person writes.'),
  is_admin: z.boolean(),
  expires_at: z.iso.datetime().nullable().describe('When what was shown is no longer good.'),
});

export const signedData = z.object({ id: z.string().describe('Who that is.') });

export const ticketData = z.object({
  ticket: z.string().describe('Good for one connection.'),
  expires_in_ms: z.int(),
});

export const agentsData = z.object({
  available: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      role: z.string(),
      capabilities: z.array(z.string()),
      examples: z.array(z.string()).describe('Questions to begin with.'),
      enabled: z.literal(true),
    }),
  ),
  total: z.int(),
  status: z.literal('integrated'),
  default: z.string().describe('Answers where a session names none.'),
});

const session = z.object({
  id,
  title: z.string().nullable(),
  agent: z.string(),
  created_at: time,
  last_used: time,
  last_seq: z.int().min(0).describe('The newest event of its log; 0: there is none.'),
  active: z.literal(true),
});

export const sessionsData = z.object({
  sessions: z.array(session.extend({ messages: z.int().describe('How many there are.') })),
  total: z.int(),
  offset: z.int(),
  limit: z.int(),
  next: z.string().nullable().describe('What `after` of the next page is; null: this is the last.'),
});

export const createdData = z.object({ id, created_at: time, status: z.literal('created') });
export const updatedData = session.extend({ message_count: z.int() });
export const deletedData = z.object({ id, status: z.literal('deleted') });

const kept = {
  first_seq: seq.describe('The oldest that is kept; `last_seq + 1` where none is.'),
  last_seq: z.int().min(0),
};

export const sessionData = updatedData.extend({
  ...kept,
  has_more: z.boolean().describe('Whether older events than these are kept.'),
  messages: z
    .array(historyEntrySchema.extend({ id: id.describe('The same as `message_id`.') }))
    .describe('Messages and answers of the newest page, oldest first.'),
});

export const messagesData = z.object({
  messages: z.array(historyEntrySchema).describe('Every kind of event, oldest first.'),
  has_more: z.boolean().describe('Whether there are more in the direction that was asked for.'),
  ...kept,
});

export const searchData = z.object({
  hits: z.array(
    z.object({
      session_id: id,
      title: z.string().nullable(),
      message_id: id,
      seq,
      role: z.enum(['user', 'assistant']),
      timestamp: time,
      snippet: z.string(),
    }),
  ),
});

export const chatData = z.object({
  agent: z.string(),
  message: z.string().describe('What was asked.'),
  response: z
    .string()
    .describe('The whole text; where it was stopped, what was written till then.'),
  timestamp: unixTime,
  session_id: id,
  message_id: id.describe('Of the answer.'),
  reply_to: id.describe('The `message_id` of what was asked.'),
  run_id: id,
  status: runEndSchema,
});

export const errorBody = z.object({
  status: z.literal('error'),
  message: z.string(),
  code: z.int().describe('The HTTP status.'),
  timestamp: unixTime,
  error: errorSchema.shape.data.describe(
    'The code and what belongs to it, as in an `error` of the WebSocket.',
  ),
  data: z.unknown().optional().describe('What there is in spite of the error.'),
});
