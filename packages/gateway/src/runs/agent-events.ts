/**
 * What agents say, checked before it goes anywhere: agents written in plain JavaScript, and models,
 * know nothing of types. An agent's mistake ends its own run (R9).
 */
import type { Json } from '@parley/protocol';
import * as z from 'zod';
import type { AgentEvent } from '../agents/agent.ts';
import type { ApprovalRequest } from './approvals.ts';

const text = z.string().overwrite((value) => value.toWellFormed());
const share = z.number().overwrite((value) => Math.min(1, Math.max(0, value)));

/** The longest arguments or result of a tool, characters of JSON: it is sent to everyone in one message. */
const MAX_JSON_LENGTH = 262_144;
/** Tool calls, their results and requests for approval of one run: each is kept, and sent to everyone. */
export const MAX_STEPS = 2_000;
/** Agents in one report of progress. */
const MAX_AGENTS = 64;

/** What JSON makes of a value, so that what is told live is what is kept. */
const json = z.unknown().transform((value, context): Json => {
  try {
    const text = JSON.stringify(value);
    if (text !== undefined && text.length <= MAX_JSON_LENGTH) return JSON.parse(text);
    if (text === undefined) throw new TypeError('it has none');
    context.addIssue({
      code: 'custom',
      message: `expected at most ${MAX_JSON_LENGTH} characters of JSON, got ${text.length}`,
    });
    return z.NEVER;
  } catch (error) {
    const reason = error instanceof TypeError ? `: ${error.message}` : '';
    context.addIssue({ code: 'custom', message: `expected a JSON value${reason}` });
    return z.NEVER;
  }
});

const agentEvent = z.discriminatedUnion('type', [
  // Text may end in half a pair of surrogates, whose other half comes with the next piece.
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({
    type: z.literal('progress'),
    agents: z
      .array(
        z.object({
          name: text,
          status: z.enum(['waiting', 'processing', 'complete', 'error']),
          progress: share,
          message: text.optional(),
        }),
      )
      .max(MAX_AGENTS),
    overallProgress: share,
    currentAgent: text.optional(),
  }),
  z.object({ type: z.literal('tool_call'), id: text, name: text, arguments: json }),
  z.object({
    type: z.literal('tool_result'),
    id: text,
    name: text,
    result: json,
    isError: z.boolean().optional(),
  }),
]);

const approvalRequest = z.object({ tool: text, arguments: json });

/** @throws {TypeError} which says what was expected where. */
export function checkEvent(event: unknown): AgentEvent {
  if (typeof event === 'string') return event;
  return check(agentEvent, event, 'an event of an agent') as AgentEvent;
}

/** @throws {TypeError} which says what was expected where. */
export function checkApproval(request: unknown): ApprovalRequest {
  return check(approvalRequest, request, 'a request for approval');
}

function check<Output>(schema: z.ZodType<Output>, value: unknown, what: string): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new TypeError(
    `Expected ${what}; ${issue?.path.map(String).join('.') || 'it'}: ${issue?.message}`,
  );
}

/** What was thrown, in words; anything may be thrown. */
export function reasonOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
      .slice(0, 500)
      .toWellFormed();
  } catch {
    return 'it threw what cannot be shown.';
  }
}
