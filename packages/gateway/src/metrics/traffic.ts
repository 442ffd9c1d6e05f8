/** Messages and bytes of all WebSocket connections: counted for each message, so in plain numbers. */
import {
  CLIENT_MESSAGE_TYPES,
  type ClientMessageType,
  SERVER_MESSAGE_TYPES,
  type ServerMessageType,
} from '@parley/protocol';

export interface TrafficSnapshot {
  readonly messages: {
    readonly received: Readonly<Record<ClientMessageType, number>>;
    readonly sent: Readonly<Record<ServerMessageType, number>>;
  };
  readonly bytes: { readonly received: number; readonly sent: number };
}

export class Traffic {
  readonly #received = zeros<ClientMessageType>(CLIENT_MESSAGE_TYPES);
  readonly #sent = zeros<ServerMessageType>(SERVER_MESSAGE_TYPES);
  #bytesReceived = 0;
  #bytesSent = 0;

  /** The payload of a message has come in; `bytes`: as it is when it is unpacked. */
  countReceived(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  /** A message that came in was understood. */
  countDecoded(type: ClientMessageType): void {
    this.#received[type] += 1;
  }

  /** A message is on its way out of one connection, in these frames. */
  countSent(type: ServerMessageType, frames: readonly { readonly length: number }[]): void {
    this.#sent[type] += 1;
    for (const frame of frames) this.#bytesSent += frame.length;
  }

  snapshot(): TrafficSnapshot {
    return {
      messages: { received: { ...this.#received }, sent: { ...this.#sent } },
      bytes: { received: this.#bytesReceived, sent: this.#bytesSent },
    };
  }
}

function zeros<Type extends string>(
  byProfile: Readonly<Record<string, readonly Type[]>>,
): Record<Type, number> {
  const types = Object.values(byProfile).flat();
  return Object.fromEntries(types.map((type) => [type, 0])) as Record<Type, number>;
}
