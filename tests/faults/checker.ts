/** Holds what the clients saw against each other and against the log that is left at the end. */
import type { HistoryEntry } from '@parley/protocol';
import { brief, canonical, type Recording, type Violation } from './record.ts';
import { Seen, show } from './seen.ts';

export interface Expectation {
  /** The whole answer to a message, as its script has it. */
  readonly answer: (content: string) => string;
  /** Agents that must not be asked twice, whatever happens to the process. */
  readonly askedOnce: ReadonlySet<string>;
  /** The codes of errors that clients may get, because what they are about was taken away. */
  readonly errors?: ReadonlySet<string>;
}

/**
 * Everything that is wrong. `logs`: each session from its first event to its last, read when nothing
 * ran any more and every client had come back.
 */
export function check(
  recordings: readonly Recording[],
  logs: ReadonlyMap<string, readonly HistoryEntry[]>,
  expectation: Expectation,
): Violation[] {
  const folded = recordings.map((recording) => fold(recording, expectation.errors));
  const sessions = Map.groupBy(folded, (seen) => seen.session);
  return [...sessions].flatMap(([session, seen]) => {
    const log = logs.get(session);
    const found = seen.flatMap(({ violations }) => violations);
    if (!log) return [...found, { rule: 'R2', session, text: 'the session is gone' }];
    return [...found, ...new SessionCheck(session, seen, log, expectation).run()];
  });
}

function fold(recording: Recording, errors: ReadonlySet<string> | undefined): Seen {
  const seen = new Seen(recording.client, recording.session, errors);
  for (const entry of recording.entries) seen.apply(entry);
  return seen;
}

class SessionCheck {
  readonly #session: string;
  readonly #seen: readonly Seen[];
  readonly #log: readonly HistoryEntry[];
  readonly #expectation: Expectation;
  readonly #violations: Violation[] = [];
  readonly #questions = new Map<string, HistoryEntry>();
  /** The terminal events by run. */
  readonly #ends = new Map<string, HistoryEntry>();

  constructor(
    session: string,
    seen: readonly Seen[],
    log: readonly HistoryEntry[],
    expectation: Expectation,
  ) {
    this.#session = session;
    this.#seen = seen;
    this.#log = log;
    this.#expectation = expectation;
  }

  run(): Violation[] {
    this.#checkLog();
    this.#checkEnds();
    for (const seen of this.#seen) {
      this.#checkPositions(seen);
      this.#checkAcknowledgements(seen);
      this.#checkTexts(seen);
    }
    this.#checkAfterEnds();
    return this.#violations;
  }

  #broken(rule: string, text: string): void {
    this.#violations.push({ rule, session: this.#session, text });
  }

  #checkLog(): void {
    this.#log.forEach((entry, index) => {
      if (entry.seq !== index + 1) {
        this.#broken('R1', `the log has seq ${entry.seq} at place ${index + 1}`);
      }
      if (entry.type !== 'chat_message') return;
      const earlier = this.#questions.get(entry.message_id);
      if (earlier) {
        const places = `${earlier.seq} and ${entry.seq}`;
        this.#broken('R3', `the log has ${entry.message_id} twice, at seq ${places}`);
      }
      this.#questions.set(entry.message_id, entry);
    });
  }

  /** Every message has one run, and every run one end. */
  #checkEnds(): void {
    const answered = new Map<string, HistoryEntry>();
    for (const entry of this.#log) {
      const { run_id: run = '', reply_to: replyTo = '' } = entry;
      if (entry.type === 'chat_message') continue;
      const end = this.#ends.get(run);
      if (end) {
        const what = entry.type === 'agent_response' ? 'ends once more' : `goes on (${entry.type})`;
        this.#broken('R5', `run ${run} ended at seq ${end.seq} and ${what} at ${entry.seq}`);
      }
      const question = this.#questions.get(replyTo);
      if (!question || question.seq > entry.seq) {
        this.#broken(
          'R1',
          `${entry.type} at seq ${entry.seq} answers ${replyTo}, not in the log before`,
        );
      }
      if (entry.type !== 'agent_response') continue;
      const other = answered.get(replyTo);
      if (other && other.run_id !== run) {
        this.#broken('R3', `${replyTo} was answered by two runs, ${other.run_id} and ${run}`);
      }
      answered.set(replyTo, entry);
      this.#ends.set(run, entry);
      if (question) this.#checkAnswer(entry, String(question.content));
    }
    for (const [id, { seq }] of this.#questions) {
      if (!answered.has(id)) this.#broken('R5', `${id} at seq ${seq} has no end of its run`);
    }
  }

  #checkAnswer(end: HistoryEntry, question: string): void {
    const expected = this.#expectation.answer(question);
    const content = String(end.content);
    const fits = end.status === 'complete' ? content === expected : expected.startsWith(content);
    if (!fits) {
      this.#broken('R6', `run ${end.run_id} (${end.status}) says ${brief(content)} to ${question}`);
    }
  }

  /** What was shown is what is kept (R2), for everyone (R7), from the first to the last. */
  #checkPositions(seen: Seen): void {
    for (const [seq, known] of [...seen.forgotten, ...seen.positions]) {
      const entry = this.#log[seq - 1];
      if (!entry) {
        this.#broken('R2', `${seen.client} saw seq ${seq} (${show(known)}), not in the log`);
      } else if ('event' in known && known.event !== canonical(entry)) {
        const there = brief(canonical(entry));
        this.#broken('R2', `${seen.client} saw at seq ${seq} ${show(known)}, the log has ${there}`);
      }
    }
    if (seen.first !== undefined && seen.last !== this.#log.length) {
      const end = `${seen.client} ended at seq ${seen.last}, the log at ${this.#log.length}`;
      this.#broken('R7', end);
    }
  }

  #checkAcknowledgements(seen: Seen): void {
    for (const [id, { seq, run, timestamp }] of seen.acks) {
      const entry = this.#log[seq - 1];
      if (entry?.type !== 'chat_message' || entry.message_id !== id) {
        const there = entry ? brief(canonical(entry)) : 'nothing';
        this.#broken('R2', `${id} was acknowledged at seq ${seq}, where the log has ${there}`);
        continue;
      }
      if (entry.content !== seen.sent.get(id)) {
        this.#broken('R3', `${id} is in the log as ${brief(String(entry.content))}`);
      }
      if (entry.timestamp !== timestamp) {
        this.#broken(
          'R3',
          `${id} was acknowledged for ${timestamp}, the log has ${entry.timestamp}`,
        );
      }
      const replyTo = this.#ends.get(run)?.reply_to;
      if (replyTo !== id) {
        this.#broken('R3', `${id} was acknowledged with run ${run}, which answers ${replyTo}`);
      }
    }
    for (const id of seen.sent.keys()) {
      if (!seen.acks.has(id)) this.#broken('R3', `${id} was never acknowledged`);
    }
    for (const run of seen.stopped.keys()) {
      const status = this.#ends.get(run)?.status ?? 'nothing';
      if (status === 'cancelled') continue;
      this.#broken(
        'R4',
        `${seen.client} was told that run ${run} is stopped, the log has ${status}`,
      );
    }
    for (const run of seen.runs) {
      if (!this.#ends.has(run))
        this.#broken('R5', `${seen.client} saw run ${run}, which has no end`);
    }
  }

  #checkTexts(seen: Seen): void {
    for (const { run, attempt, replyTo, text } of seen.texts) {
      const question = this.#questions.get(replyTo);
      if (question && !this.#expectation.answer(String(question.content)).startsWith(text)) {
        this.#broken('R6', `${seen.client} read in run ${run}, attempt ${attempt}: ${brief(text)}`);
      }
      const end = this.#ends.get(run);
      if (!end) continue;
      if (attempt > (end.attempt ?? 1)) {
        const last = `attempt ${end.attempt} ended it`;
        this.#broken('R5', `${seen.client} read attempt ${attempt} of run ${run}, and ${last}`);
      }
      const whole = attempt === end.attempt && end.status !== 'interrupted';
      if (whole && !String(end.content).startsWith(text)) {
        this.#broken(
          'R6',
          `${seen.client} read in run ${run} what its end has not: ${brief(text)}`,
        );
      }
    }
  }

  /** Over all clients: which life of the server may still have worked on a run. */
  #checkAfterEnds(): void {
    const over = new Map<string, { epoch: number; how: string; rule: string }>();
    for (const { client, ends, stopped } of this.#seen) {
      for (const [run, { epoch }] of ends) {
        const known = over.get(run);
        if (!known || epoch < known.epoch)
          over.set(run, { epoch, how: `${client} saw its end`, rule: 'R5' });
      }
      for (const [run, epoch] of stopped) {
        const known = over.get(run);
        if (!known || epoch < known.epoch)
          over.set(run, { epoch, how: `${client} stopped it`, rule: 'R4' });
      }
    }
    const attempts = new Map<string, Set<number>>();
    for (const { client, texts } of this.#seen) {
      for (const { run, attempt, epoch } of texts) {
        attempts.set(run, (attempts.get(run) ?? new Set()).add(attempt));
        const end = over.get(run);
        if (!end || epoch <= end.epoch) continue;
        this.#broken(
          end.rule,
          `${client} got text of run ${run} in life ${epoch}; ${end.how} in ${end.epoch}`,
        );
      }
    }
    for (const [run, tried] of attempts) {
      const agent = String(this.#ends.get(run)?.agent_name);
      if (tried.size < 2 || !this.#expectation.askedOnce.has(agent)) continue;
      this.#broken(
        'R5',
        `${agent} may be asked once, and run ${run} wrote in ${[...tried].join(', ')}`,
      );
    }
  }
}
