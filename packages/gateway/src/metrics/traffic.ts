/** Messages and bytes of all WebSocket connections: counted for each message, so as cheap as that can be. */
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
  readonly #received = new TypeCounts<ClientMessageType>(CLIENT_MESSAGE_TYPES);
  readonly #sent = new TypeCounts<ServerMessageType>(SERVER_MESSAGE_TYPES);
  #bytesReceived = 0;
  #bytesSent = 0;

  /** The payload of a message has come in; `bytes`: as it is when it is unpacked. */
  countReceived(bytes: number): void {
    this.#bytesReceived += bytes;
  }

  /** A message that came in was understood. */
  countDecoded(type: ClientMessageType): void {
    this.#received.add(type);
  }

  /** A message is on its way out of one connection, in these frames. */
  countSent(type: ServerMessageType, frames: readonly { readonly length: number }[]): void {
    this.#sent.add(type);
    for (const frame of frames) this.#bytesSent += frame.length;
  }

  snapshot(): TrafficSnapshot {
    return {
      messages: { received: this.#received.snapshot(), sent: this.#sent.snapshot() },
      bytes: { received: this.#bytesReceived, sent: this.#bytesSent },
    };
  }
}

/** Numbers side by side: properties of an object, named by the type, take three times as long to add to. */
class TypeCounts<Type extends string> {
  readonly #places: ReadonlyMap<Type, number>;
  readonly #counts: Float64Array;

  constructor(byProfile: Readonly<Record<string, readonly Type[]>>) {
    const types = new Set(Object.values(byProfile).flat());
    this.#places = new Map([...types].map((type, place) => [type, place]));
    this.#counts = new Float64Array(types.size);
  }

  add(type: Type): void {
    (this.#counts[this.#places.get(type) as number] as number) += 1;
  }

  snapshot(): Record<Type, number> {
    const counts = [...this.#places].map(([type, place]) => [type, this.#counts[place]]);
    return Object.fromEntries(counts) as Record<Type, number>;
  }
}
