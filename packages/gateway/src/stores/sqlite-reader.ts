/** Answers reads, one after the other. Runs in the reader worker. */

import { prepareReads } from './sqlite-reads.ts';
import type { Answer } from './sqlite-rows.ts';
import { openForReading } from './sqlite-schema.ts';
import { prepareSearch } from './sqlite-search.ts';
import { failed, type Served } from './sqlite-served.ts';

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
