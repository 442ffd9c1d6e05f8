/** Answers reads, one after the other. Runs in the reader worker. */

import { prepareReads } from './reads.ts';
import type { Answer } from './rows.ts';
import { openForReading } from './schema.ts';
import { prepareSearch } from './search.ts';
import { failed, type Served } from './served.ts';

function prepareMethods(db: ReturnType<typeof openForReading>) {
  return { ...prepareReads(db), ...prepareSearch(db) };
}

export type Reads = ReturnType<typeof prepareMethods>;

export function openReader(file: string): Served {
  const db = openForReading(file);
  const table: Readonly<Record<string, unknown>> = prepareMethods(db);
  return {
    answer(calls) {
      return calls.map(([name, ...args]): Answer => {
        try {
          const method = table[name] as (...args: unknown[]) => unknown;
          return { ok: true, value: method(...args) };
        } catch (error) {
          return failed(error);
        }
      });
    },
    keepUp() {},
    close() {
      db.close();
    },
  };
}
