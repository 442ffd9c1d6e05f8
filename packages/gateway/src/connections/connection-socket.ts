import { WebSocket } from 'ws';
import type { Connection } from './connection.ts';

/** Who is told how a connection went. */
export interface SocketOwner {
  /** The peer breaks RFC 6455 or sends too much, or the network failed. */
  broken(connection: Connection, error: Error & { readonly code?: string }): void;
  closed(connection: Connection, code: number): void;
}

/**
 * A WebSocket that knows whose it is: so its listeners are the same functions for all connections, and not
 * five of each for as long as it is open.
 */
export class ConnectionSocket extends WebSocket {
  connection: Connection | undefined;
  owner: SocketOwner | undefined;

  begin(connection: Connection, owner: SocketOwner): void {
    this.connection = connection;
    this.owner = owner;
    this.on('ping', heardControl);
    this.on('pong', heardControl);
    this.on('message', received);
    this.on('error', broke);
    this.on('close', closed);
  }
}

function heardControl(this: WebSocket): void {
  (this as ConnectionSocket).connection?.heardControl();
}

function received(this: WebSocket, bytes: unknown, binary: boolean): void {
  (this as ConnectionSocket).connection?.receive(bytes as Buffer, binary);
}

function broke(this: WebSocket, error: Error): void {
  const { connection, owner } = this as ConnectionSocket;
  if (connection) owner?.broken(connection, error);
}

function closed(this: WebSocket, code: number): void {
  const { connection, owner } = this as ConnectionSocket;
  if (connection) owner?.closed(connection, code);
}
