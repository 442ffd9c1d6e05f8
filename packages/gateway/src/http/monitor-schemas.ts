/** What the routes of administrators take and give. */
import { answerPositionSchema, SUBPROTOCOL } from '@parley/protocol';
import * as z from 'zod';
import { MAX_CONNECTIONS_SHOWN } from '../connections/connection-list.ts';
import { pageLimit } from './schemas.ts';

const id = answerPositionSchema.shape.run_id;
const time = z.iso.datetime();
const node = z.string().describe('The id of a node, another one after each start.');
const number = z.number();
const byType = z.record(z.string(), z.int());
const histogram = z
  .object({ bounds: z.array(number).readonly(), counts: z.array(z.int()).readonly(), sum: number })
  .describe(
    'Seconds, by bucket: how many were above the bound before and not above this one; one bucket more than bounds.',
  );

const metricsSnapshot = z
  .object({
    started_at: time,
    gauges: z.object({
      connections: z.int(),
      max_connections: z.int(),
      connections_behind: z.int(),
      outbox_bytes: z.int(),
      inbox_messages: z.int(),
      runs_running: z.int(),
      runs_waiting: z.int(),
      max_runs: z.int(),
      sessions: z.int(),
      store_writes_waiting: z.int(),
    }),
    messages: z.object({ received: byType, sent: byType }),
    bytes: z.object({ received: number, sent: number }),
    connections_opened: z.int(),
    closes: z.array(z.object({ code: z.int(), count: z.int() })).readonly(),
    refusals: z.array(z.object({ what: z.string(), code: z.string(), count: z.int() })).readonly(),
    requests: z
      .array(
        z.object({ method: z.string(), route: z.string(), status: z.string(), count: z.int() }),
      )
      .readonly(),
    agents: z.record(
      z.string(),
      z.object({ runs: byType, first_chunk: histogram, duration: histogram }),
    ),
    store_commit: histogram,
    event_loop_delay: z.object({ p50: number, p99: number, max: number }),
    memory: z.object({ rss: number, heap_used: number, heap_total: number }),
  })
  .describe('What `/metrics` of the node says: totals since its start, and how much there is now.');

export const monitorData = z.object({
  nodes: z
    .array(
      z.object({
        node,
        address: z.string().describe('Its machine and port.'),
        version: z.string(),
        role: z.enum(['all', 'gateway', 'worker']),
        state: z
          .enum(['serving', 'draining', 'silent'])
          .describe('`silent`: it did not answer within 1 s; the rest is what it said last.'),
        faults: z
          .record(z.string(), z.string())
          .describe('Why a part of it is not ready, by its name, as `/readyz` says it.'),
        metrics: metricsSnapshot,
        heard_at: time.describe('When it said this, by the clock of the node that was asked.'),
      }),
    )
    .describe('The node that was asked is the first.'),
});

export const connectionsQuery = z.object({
  node: z.string().min(1).max(128).optional().describe('Absent: the node that was asked.'),
  after: z.string().max(128).default('').describe('Only ids behind this one: the last of a page.'),
  match: z
    .string()
    .max(128)
    .default('')
    .describe('What the id, the person or the address begins with.'),
  limit: pageLimit(50, MAX_CONNECTIONS_SHOWN),
});
export const connectionsData = z.object({
  node,
  connections: z.array(
    z.object({
      id,
      person: z.string().nullable().describe('null: it is not known who is asking.'),
      address: z.string(),
      profile: z.enum(['plain', SUBPROTOCOL]),
      since: time,
      sessions: z.int().describe('How many it is in.'),
      bytes_behind: z.int().describe('What waits for its reader.'),
    }),
  ),
  total: z.int().describe('How many match, on all pages.'),
  has_more: z.boolean(),
});
export const connectionParams = z.object({ connection: id });
export const cutData = z.object({ id, node, status: z.literal('cut') });

export const nodeParams = z.object({ node: z.string().min(1).max(128) });
export const drainBody = z
  .object({
    force: z
      .boolean()
      .default(false)
      .describe('Also where no other node can do what this one does.'),
  })
  .prefault({});
export const drainData = z.object({ node, status: z.literal('draining') });
