/** Carries what happens in a session to every node that has someone in it. */
import type { ServerMessage } from '@parley/protocol';

/** One thing that happened in a session: one object for all who hear of it. */
export interface Delivery {
  readonly message: ServerMessage & { readonly session_id: string };
  /** The connection that caused it and was told directly; it does not hear it again. */
  readonly origin?: string;
  /** Who may see the session, where it is another one by this than it was: their lists are. */
  readonly audience?: readonly string[];
}

export interface Bus {
  /** Deliveries of one session arrive in the order in which they were published. */
  publish(delivery: Delivery): void;
  /** The one place where this node takes deliveries. */
  subscribe(receive: (delivery: Delivery) => void): void;
  close(): Promise<void>;
}
