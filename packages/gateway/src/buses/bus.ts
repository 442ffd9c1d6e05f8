/** Carries what happens in a session to every node that has someone in it. */
import type { ServerMessage } from '@parley/protocol';

/** One thing that happened in a session: one object for all who hear of it. */
export interface Delivery {
  readonly message: ServerMessage & { readonly session_id: string };
  /** The connection that caused it and was told directly; it does not hear it again. */
  readonly origin?: string;
  /** Whose session it is, where the session is another one by this than it was: its owner's list is. */
  readonly owner?: string;
}

export interface Bus {
  /** Deliveries of one session arrive in the order in which they were published. */
  publish(delivery: Delivery): void;
  /** The one place where this node takes deliveries. */
  subscribe(receive: (delivery: Delivery) => void): void;
  close(): Promise<void>;
}
