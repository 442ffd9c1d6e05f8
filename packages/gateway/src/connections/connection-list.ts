/** What an operator is shown of connections, and how one of them is cut. */
import type { Profile } from '@parley/protocol';
import type { Connection } from './connection.ts';

/** The most connections of one page. */
export const MAX_CONNECTIONS_SHOWN = 500;

interface ShownConnection {
  readonly id: string;
  /** Who is asking; `null`: that is not known yet. */
  readonly person: string | null;
  readonly address: string;
  readonly profile: Profile;
  /** When it was opened, milliseconds since the epoch. */
  readonly since: number;
  /** How many sessions it is in. */
  readonly sessions: number;
  /** Bytes that wait for the reader. */
  readonly behindBytes: number;
}

export interface ConnectionQuery {
  /** Only ids behind this one. */
  readonly after: string;
  /** 1 to `MAX_CONNECTIONS_SHOWN`. */
  readonly limit: number;
  /** What its id, its person or its address begins with; empty: anything. */
  readonly match: string;
}

export interface ConnectionPage {
  readonly connections: readonly ShownConnection[];
  /** How many match, on all pages. */
  readonly total: number;
  readonly hasMore: boolean;
}

/** By id, which is as good an order as any and stays one while connections come and go. */
export function listConnections(
  all: Iterable<Connection>,
  { after, limit, match }: ConnectionQuery,
): ConnectionPage {
  const matching = Array.from(all).filter(
    ({ closing, id, personId = '', address }) =>
      !closing && [id, personId, address].some((text) => text.startsWith(match)),
  );
  const behind = matching.filter(({ id }) => id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    connections: behind.slice(0, limit).map(show),
    total: matching.length,
    hasMore: behind.length > limit,
  };
}

/** `false`: there is none of this id. */
export function cutConnection(all: Iterable<Connection>, id: string): boolean {
  for (const connection of all) {
    if (connection.id !== id || connection.closing) continue;
    connection.close(4410);
    return true;
  }
  return false;
}

function show(connection: Connection): ShownConnection {
  const { id, personId, address, profile, since, subscriptions, behindBytes } = connection;
  const person = personId ?? null;
  return { id, person, address, profile, since, sessions: subscriptions.size, behindBytes };
}
