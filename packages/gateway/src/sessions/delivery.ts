import { encode, type ServerMessage } from '@parley/protocol';

/** One message to those who follow a session: one object for all of them. */
export class Delivery {
  readonly message: ServerMessage & { readonly session_id: string };
  /** The connection that caused it and was told directly; it does not hear it again. */
  readonly origin: string | undefined;
  /** Private, so that it does not go to other nodes. */
  #sent: unknown;

  constructor(message: Delivery['message'], origin?: string) {
    this.message = message;
    this.origin = origin;
  }

  /** What the first connection that sends it makes of its text, for all of them. */
  sentAs<Sent>(make: (text: string) => Sent): Sent {
    this.#sent ??= make(encode(this.message));
    return this.#sent as Sent;
  }
}
