/** The entry of both worker threads: takes calls from the port, gives answers in their order. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openReader } from './reader.ts';
import type { Answer, Answered, Call } from './rows.ts';
import { failed, type Served } from './served.ts';
import { openWriter } from './writer.ts';

/** Calls answered together; of the writer: committed together, in about 20 ms. */
const MAX_BATCH = 1_024;

if (!parentPort) throw new Error('This file is the entry of a worker thread.');
const port = parentPort;
const { role, file } = workerData as { role: 'writer' | 'reader'; file: string };
let served: Served | undefined;

/** Opened with the first call, and again with the next one where that failed. */
function open(): Served {
  served ??= role === 'writer' ? openWriter(file) : openReader(file);
  return served;
}

function answer(calls: readonly Call[]): readonly Answer[] {
  try {
    return open().answer(calls);
  } catch (error) {
    return calls.map(() => failed(error));
  }
}

port.on('message', (first: readonly Call[] | null) => {
  const calls: Call[] = [];
  // What arrived while the last batch was on its way to the disk makes up this one.
  let next: { message: readonly Call[] | null } | undefined = { message: first };
  while (next?.message) {
    calls.push(...next.message);
    next = calls.length < MAX_BATCH ? receiveMessageOnPort(port) : undefined;
  }
  if (calls.length > 0) {
    const began = performance.now();
    const answers = answer(calls);
    const seconds = (performance.now() - began) / 1_000;
    port.postMessage({ answers, seconds } satisfies Answered);
    served?.keepUp();
  }
  if (next?.message === null) {
    port.close();
    served?.close();
  }
});
