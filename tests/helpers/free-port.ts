import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what the system gives to who asks for any port, so that nobody is given one between its choice and its use. */
const FIRST = 10_000;
const LAST = 32_767;
/** Those of a worker of the tests, of which no other one chooses. */
const OF_WORKER = 1_000;
const WORKERS = Math.floor((LAST - FIRST + 1) / OF_WORKER);

const worker = Number(process.env.VITEST_POOL_ID ?? 0) % WORKERS;
// Another run of the tests on this machine begins elsewhere, most likely.
let next = Math.floor(Math.random() * OF_WORKER);

/** A port that nothing listens on now, and none again: for what has to be started twice on one, or may not be there. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < OF_WORKER; tried += 1) {
    const port = FIRST + worker * OF_WORKER + next;
    next = (next + 1) % OF_WORKER;
    if (await isFree(port)) return port;
  }
  throw new Error(`All ports from ${FIRST + worker * OF_WORKER} on are taken.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
