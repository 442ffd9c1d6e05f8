import type { ServerMessage } from '@parley/protocol';

/** One message to those who follow a session: one object for all of them. */
export interface Delivery {
  readonly message: ServerMessage & { readonly session_id: string };
  /** The connection that caused it and was told directly; it does not hear it again. */
  readonly origin?: string;
}
