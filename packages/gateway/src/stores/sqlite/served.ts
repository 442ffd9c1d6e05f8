/** What a worker thread serves, the writer's database or the reader's. */
import type { Answer, Call } from './rows.ts';

export interface Served {
  /** One answer per call, in their order. Must not throw. */
  answer(calls: readonly Call[]): Answer[];
  /** Called after the answers are on their way. Must not throw. */
  keepUp(): void;
  close(): void;
}

export function failed(error: unknown): Answer {
  const { message, code } = error as { message?: string; code?: string };
  return { ok: false, failure: { message: message ?? String(error), code } };
}
