import { WebSocket } from 'ws';
import type { Connection } from './connection.ts';

/** Who is told how a connection went. */
export interface SocketOwner {
  /** The peer breaks RFC 6455 or sends too much, or the network failed. */
  broken(connection: Connection, error: Error & { readonly code?: string }): void;
  closed(connection: Connection, code: number): void;
}

/**
 * A WebSocket that knows whose it is, and tells it itself: five listeners would take a tenth of what an idle connection
 * does.
 */
export class ConnectionSocket extends WebSocket {
  connection: Connection | undefined;
  owner: SocketOwner | undefined;

  begin(connection: Connection, owner: SocketOwner): void {
    this.connection = connection;
    this.owner = owner;
  }

  override emit(event: string | symbol, ...args: readonly unknown[]): boolean {
    const { connection, owner } = this;
    if (event === 'error' && connection && owner) {
      owner.broken(connection, args[0] as Error);
      return true;
    }
    // First those who listen, one of whom counts what strangers send.
    const isHeard = super.emit(event, ...args);
    if (event === 'message') connection?.receive(args[0] as Buffer, args[1] as boolean);
    else if (event === 'ping' || event === 'pong') connection?.heardControl();
    else if (event === 'close' && connection) owner?.closed(connection, args[0] as number);
    return isHeard;
  }
}
