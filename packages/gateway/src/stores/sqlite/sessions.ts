/** Creating, changing and taking away sessions. Runs in the writer worker. */
import type Database from 'better-sqlite3';
import {
  type Access,
  type NewSession,
  type RunRecord,
  type SessionIdentity,
  type SessionRecord,
  STORE_LIMITS,
} from '../store.ts';
import { fromSessionRow, type Removal, type SessionRow } from './rows.ts';
import { SESSION_COLUMNS } from './schema.ts';
import type { SearchIndex } from './search-index.ts';

/** Every method is to be called inside a transaction. */
export function prepareSessions(db: Database.Database, index: SearchIndex) {
  const insert = db.prepare<[NewSession]>(
    `INSERT INTO sessions (key, incarnation, owner, title, agent, created_at, last_activity, invitation_epoch)
     VALUES (@id, @incarnation, @owner, @title, @agent, @createdAt, @createdAt, @invitationEpoch)
     ON CONFLICT DO NOTHING`,
  );
  const select = db.prepare<[string], SessionRow>(
    `SELECT ${SESSION_COLUMNS} FROM sessions WHERE key = ?`,
  );
  const countOwned = db
    .prepare<[string], number>('SELECT count(*) FROM sessions WHERE owner = ?')
    .pluck();
  const update = db.prepare<[string | null, string | null, number]>(
    'UPDATE sessions SET title = coalesce(?, title), agent = coalesce(?, agent) WHERE id = ?',
  );
  // The one that is meant: not one that has its key since.
  const findId = db
    .prepare<[string, string], number>('SELECT id FROM sessions WHERE key = ? AND incarnation = ?')
    .pluck();
  const findUnchanged = db
    .prepare<[string, string, number, number], number>(
      `SELECT id FROM sessions
       WHERE key = ? AND incarnation = ? AND last_seq = ? AND last_activity = ?`,
    )
    .pluck();
  const findExecutor = db
    .prepare<[number], string>('SELECT node FROM runs WHERE session_id = ? LIMIT 1')
    .pluck();
  // Its events, runs and spent ids go with it.
  const remove = db.prepare<[number]>('DELETE FROM sessions WHERE id = ?');
  const findTrimmable = db
    .prepare<[string, number, number], number>(
      'SELECT id FROM sessions WHERE key = ? AND first_seq <= ? AND last_seq >= ?',
    )
    .pluck();
  const spendIds = db.prepare<[number, number]>(
    `INSERT INTO spent_ids (session_id, message_id, seq, fingerprint, answer_run, timestamp)
     SELECT session_id, message_id, seq, fingerprint, answer_run, timestamp FROM events
     WHERE session_id = ? AND seq <= ? AND fingerprint IS NOT NULL`,
  );
  const removeEvents = db.prepare<[number, number]>(
    'DELETE FROM events WHERE session_id = ? AND seq <= ?',
  );
  const setFirstSeq = db.prepare<[number, number]>(
    'UPDATE sessions SET first_seq = ? WHERE id = ?',
  );

  const countWithdrawal = db.prepare<[number]>(
    'UPDATE sessions SET invitation_epoch = invitation_epoch + 1 WHERE id = ?',
  );
  const countChange = db.prepare<[number]>(
    'UPDATE sessions SET version = version + 1 WHERE id = ?',
  );
  const setMember = db.prepare<[number, string, Access]>(
    `INSERT INTO members (session_id, principal, access) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET access = excluded.access`,
  );
  const removeMember = db.prepare<[number, string]>(
    'DELETE FROM members WHERE session_id = ? AND principal = ?',
  );
  const isFull = db
    .prepare<[string, string], number>(
      `SELECT count(*) >= ${STORE_LIMITS.members} AND NOT max(principal = ?) FROM members
       WHERE session_id = (SELECT id FROM sessions WHERE key = ?)`,
    )
    .pluck();

  function find(key: string): SessionRecord | undefined {
    const row = select.get(key);
    return row && fromSessionRow(row);
  }

  /** Changes the one that is meant; `undefined`: there is none. */
  function change(
    { id, incarnation }: SessionIdentity,
    write: (internal: number) => void,
  ): SessionRecord | undefined {
    const internal = findId.get(id, incarnation);
    if (internal === undefined) return undefined;
    write(internal);
    countChange.run(internal);
    return find(id);
  }

  function removeSession(id: number | undefined): boolean {
    if (id === undefined) return false;
    index.forget(id, Number.MAX_SAFE_INTEGER);
    return remove.run(id).changes > 0;
  }

  function trim(key: string, through: number): boolean {
    const id = findTrimmable.get(key, through, through);
    if (id === undefined) return false;
    index.forget(id, through);
    spendIds.run(id, through);
    removeEvents.run(id, through);
    setFirstSeq.run(through + 1, id);
    return true;
  }

  return {
    createSession(
      session: NewSession,
      maxOwned?: number,
    ): { session: SessionRecord | undefined; created: boolean } {
      const mayOwn = maxOwned === undefined || (countOwned.get(session.owner) ?? 0) < maxOwned;
      const created = mayOwn && insert.run(session).changes > 0;
      return { session: find(session.id), created };
    },
    updateSession(session: SessionIdentity, title: string | null, agent: string | null) {
      return change(session, (internal) => update.run(title, agent, internal));
    },
    /** `undefined`: there is no such session. `full`: it has as many members as it may. */
    addMember(
      id: string,
      principal: string,
      access: Access,
      invitationEpoch: number,
    ): SessionRecord | 'full' | undefined {
      const session = find(id);
      if (session?.invitationEpoch !== invitationEpoch) return session;
      const known = session.members[principal];
      if (principal === session.owner || known === 'write' || known === access) return session;
      if (isFull.get(principal, id)) return 'full';
      return change(session, (internal) => setMember.run(internal, principal, access));
    },
    removeMember(session: SessionIdentity, principal: string) {
      return change(session, (internal) => removeMember.run(internal, principal));
    },
    withdrawInvitations(session: SessionIdentity) {
      return change(session, (internal) => countWithdrawal.run(internal));
    },
    deleteSession({ id, incarnation }: SessionIdentity): Pick<RunRecord, 'node'> | undefined {
      const internal = findId.get(id, incarnation);
      if (internal === undefined) return undefined;
      const node = findExecutor.get(internal) ?? '';
      removeSession(internal);
      return { node };
    },
    /** Takes away what the reader found due, unless it has changed since. */
    clean(removal: Removal): { expired: SessionIdentity[]; trimmed: string[] } {
      const { expired, trimmed } = removal;
      return {
        expired: expired
          .filter(({ id, incarnation, lastSeq, lastActivity }) =>
            removeSession(findUnchanged.get(id, incarnation, lastSeq, lastActivity)),
          )
          .map(({ id, incarnation }) => ({ id, incarnation })),
        trimmed: trimmed.filter((due) => trim(due.id, due.through)).map(({ id }) => id),
      };
    },
  };
}
