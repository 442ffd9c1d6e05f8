/**
 * Who has yet to end what. It is asked of the worker that writes it: a start need not wait for the other one.
 */
import type Database from 'better-sqlite3';
import type { RunRecord } from '../store.ts';

export function prepareRuns(db: Database.Database) {
  const runs = db
    .prepare<
      [],
      [string, string, string, string, string, string, string, number, number, string, number]
    >(
      `SELECT run_id, key, incarnation, (SELECT json_group_array(who) FROM (SELECT owner AS who UNION ALL SELECT * FROM
           (SELECT principal FROM members WHERE session_id = sessions.id ORDER BY principal))),
         reply_to, answer_id, runs.agent, attempt, started, node, stopped
       FROM runs JOIN sessions ON sessions.id = session_id ORDER BY event_id`,
    )
    .raw();
  const alive = db.prepare<[number], string>('SELECT id FROM nodes WHERE alive_until > ?').pluck();
  return {
    aliveNodes(now: number): string[] {
      return alive.all(now);
    },
    unfinishedRuns(): RunRecord[] {
      return runs
        .all()
        .map(
          ([
            runId,
            sessionId,
            incarnation,
            audience,
            replyTo,
            answerId,
            agent,
            attempt,
            started,
            node,
            stopped,
          ]) => ({
            runId,
            sessionId,
            incarnation,
            audience: JSON.parse(audience),
            replyTo,
            answerId,
            agent,
            attempt,
            started: started === 1,
            node,
            stopped: stopped === 1,
          }),
        );
    },
  };
}
