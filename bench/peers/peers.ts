/** What is measured side by side: our gateway, and what others build the same on. */
import { LOGS } from '../logs.ts';

export interface Peer {
  readonly name: string;
  /** The script that serves, and its arguments; `bun`: it is run by Bun, and not by Node. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly bun?: boolean;
  /** How messages are written for it, see `load/dialects.ts`. */
  readonly dialect: 'raw' | 'envelope' | 'socket.io' | 'parley';
}

export const PEERS = {
  parley: {
    name: 'Parley, memory store',
    script: 'parley.ts',
    args: ['memory:'],
    dialect: 'parley',
  },
  sqlite: {
    name: 'Parley, SQLite with fsync',
    script: 'parley.ts',
    args: ['sqlite:'],
    dialect: 'parley',
  },
  logs: {
    name: 'Parley, SQLite with long logs',
    script: 'parley.ts',
    args: ['sqlite:', LOGS],
    dialect: 'parley',
  },
  ws: { name: 'bare ws', script: 'ws.ts', dialect: 'raw' },
  wsJson: {
    name: 'ws with our envelope',
    script: 'ws.ts',
    args: ['envelope'],
    dialect: 'envelope',
  },
  wire: { name: 'ws with our wire', script: 'wire.ts', dialect: 'parley' },
  socketIo: { name: 'Socket.IO', script: 'socket-io.ts', dialect: 'socket.io' },
  bun: { name: 'Bun with our envelope', script: 'bun.ts', bun: true, dialect: 'envelope' },
} as const satisfies Record<string, Peer>;

export type PeerName = keyof typeof PEERS;
