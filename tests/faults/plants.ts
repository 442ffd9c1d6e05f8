/** Faults in the source of the gateway, by which tests show that they would be found. */
export interface Plant {
  /** Where: the end of the file's URL. */
  readonly file: string;
  /** Each of these stands in the file exactly once. */
  readonly replace: readonly (readonly [find: string, by: string])[];
}

/**
 * Answers before the commit, which follows up to 400 ms later, as in a database with an asynchronous
 * commit; but only where a batch has calls of `methods`.
 */
function answerBeforeCommit(...methods: readonly string[]): Plant {
  return {
    file: '/stores/sqlite/writer.ts',
    replace: [
      ['    begin.run();\n', '    if (!db.inTransaction) begin.run();\n'],
      [
        '      commit.run();\n',
        `      if (!calls.some(([name]) => ${JSON.stringify(methods)}.includes(name))) commit.run();
      else setTimeout(() => db.inTransaction && commit.run(), 400);\n`,
      ],
    ],
  };
}

export const PLANTS: Readonly<Record<string, Plant>> = {
  'acknowledge before commit': answerBeforeCommit('appendMessage'),
  'emit before commit': answerBeforeCommit('finishRun', 'appendRunEvent'),
  'no idempotency': {
    file: '/stores/sqlite/log.ts',
    replace: [
      [
        'findRepetition(found, messageId, hash, fingerprint) ?? findFull(runs, counted);',
        'findFull(runs, counted);',
      ],
    ],
  },
  'resume after the event that follows': {
    file: '/sessions/subscription.ts',
    replace: [['    this.#seq = afterSeq;\n', '    this.#seq = afterSeq + 1;\n']],
  },
  'resume one character early': {
    file: '/sessions/answer-cursor.ts',
    replace: [
      [
        '!running.isOwn) ? known.offset : 0;',
        '!running.isOwn) ? Math.max(0, known.offset - 1) : 0;',
      ],
    ],
  },
  'no fsync with each commit': {
    file: '/stores/sqlite/schema.ts',
    replace: [["db.pragma('synchronous = FULL');", "db.pragma('synchronous = NORMAL');"]],
  },
  'fsync on the event loop': {
    file: '/stores/sqlite.ts',
    replace: [
      ["} from 'node:path';\n", "} from 'node:path';\nimport * as fs from 'node:fs';\n"],
      [
        '  appendMessage(append: AppendMessage): Promise<MessageOutcome> {\n',
        `  appendMessage(append: AppendMessage): Promise<MessageOutcome> {
    const scratch = fs.openSync(process.argv[1] as string, 'r');
    fs.fsyncSync(scratch);
    fs.closeSync(scratch);\n`,
      ],
    ],
  },
  'a bus that loses one message in ten': {
    file: '/buses/redis.ts',
    replace: [
      [
        '  publish(topic: string, notice: Notice): Promise<boolean> {\n',
        `  publish(topic: string, notice: Notice): Promise<boolean> {
    if (Math.random() < 0.1) return Promise.resolve(true);\n`,
      ],
    ],
  },
  // No fault: it lets a short run see what else takes 5 s.
  'a lease of a second': {
    file: '/runs/lease.ts',
    replace: [['const LEASE_MS = 5_000;', 'const LEASE_MS = 1_000;']],
  },
  // No fault: it lets a short run see what else takes a log of many MiB.
  'early checkpoints': {
    file: '/stores/sqlite/writer.ts',
    replace: [
      ['const CHECKPOINT_PAGES = 8_000;', 'const CHECKPOINT_PAGES = 40;'],
      ['const MAX_LOG_PAGES = 16_000;', 'const MAX_LOG_PAGES = 400;'],
    ],
  },
};

/** @throws {Error} where the source is another one than the fault was made for. */
export function sow(name: string, { file, replace }: Plant, source: string): string {
  return replace.reduce((text, [find, by]) => {
    const parts = text.split(find);
    if (parts.length === 2) return parts.join(by);
    throw new Error(
      `The fault ${name} does not fit ${file} any more: found ${parts.length - 1} times: ${find}`,
    );
  }, source);
}
