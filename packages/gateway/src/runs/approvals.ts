import type { Json, ServerMessageOf } from '@parley/protocol';
import { randomId } from '../random-id.ts';

export interface ApprovalRequest {
  readonly tool: string;
  readonly arguments: Json;
}

export interface Decision {
  readonly approved: boolean;
  readonly reason?: string;
}

type ApprovalData = Omit<ServerMessageOf<'approval_request'>['data'], 'agent_name'>;

interface Pending {
  readonly asked: Pick<ApprovalData, 'tool_name' | 'arguments' | 'offset'>;
  readonly resolve: (decision: Decision) => void;
}

/** The questions that the agent of a run has put to the people in its session. */
export class Approvals {
  readonly #pending = new Map<string, Pending>();
  readonly #signalOf: () => AbortSignal;
  /** Puts it on disk and tells everyone; `false`: the run is no longer ours. */
  readonly #record: (data: ApprovalData) => Promise<boolean>;

  /** `signal`: of the run, made when it is asked for. */
  constructor(signal: () => AbortSignal, record: (data: ApprovalData) => Promise<boolean>) {
    this.#signalOf = signal;
    this.#record = record;
  }

  /**
   * Asks, and waits for the first decision. Rejects when the run is stopped. `offset`: where in the
   * answer it is asked, UTF-16 code units.
   */
  async ask(request: ApprovalRequest, offset: number): Promise<Decision> {
    const signal = this.#signalOf();
    signal.throwIfAborted();
    const id = randomId();
    const { promise, resolve, reject } = Promise.withResolvers<Decision>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    // Where recording fails, nobody waits for the decision any more.
    promise.catch(() => {});
    // Open before anyone is told: the decision may come at once.
    const asked = { tool_name: request.tool, arguments: request.arguments, offset };
    this.#pending.set(id, { asked, resolve });
    try {
      await this.#record({ approval_id: id, ...asked, status: 'pending' });
      return await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
    }
  }

  /** `false`: no question of this id is open. Rejects where it could not be put on disk; it stays open then. */
  async decide(id: string, decision: Decision, decidedBy: string): Promise<boolean> {
    const pending = this.#pending.get(id);
    if (!pending || this.#signalOf().aborted) return false;
    // Whoever decides next while this is being written is too late.
    this.#pending.delete(id);
    const { approved, reason } = decision;
    try {
      const recorded = await this.#record({
        approval_id: id,
        ...pending.asked,
        status: approved ? 'approved' : 'denied',
        decided_by: decidedBy,
        ...(reason === undefined ? {} : { reason }),
      });
      if (recorded) pending.resolve(decision);
      return recorded;
    } catch (error) {
      this.#pending.set(id, pending);
      throw error;
    }
  }
}
