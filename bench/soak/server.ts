/** The server as people start it, with compression, in a process whose memory and descriptors are looked at. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../tests/helpers/free-port.ts';
import { openDescriptors, residentBytes } from '../process.ts';
import { onServerCore } from '../stage.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface Looked {
  /** After the garbage was collected, bytes: the process, and what of it JavaScript holds. */
  readonly resident: number;
  readonly heap: number;
  readonly descriptors: number;
}

export interface SoakedServer {
  readonly port: number;
  look(): Promise<Looked>;
  stop(): Promise<void>;
}

export async function startServer(): Promise<SoakedServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-soak-'));
  const port = await freePort();
  const child = onServerCore(
    [
      ...[process.execPath, '--expose-gc', '--import', join(ROOT, 'bench/nodes/collect.ts')],
      ...[join(ROOT, 'packages/gateway/src/main.ts'), 'serve', '--port', `${port}`],
    ],
    {
      cwd: dataDir,
      env: {
        ...process.env,
        PARLEY_COMPRESSION: 'on',
        PARLEY_MESSAGE_RATE: '0',
        PARLEY_BYTE_RATE: '0',
        PARLEY_PERSON_RATE: '0',
        PARLEY_ADDRESS_RATE: '0',
        PARLEY_MAX_CONNECTIONS_PER_PERSON: '0',
        PARLEY_MAX_RUNS_PER_PERSON: '0',
        PARLEY_LOG_LEVEL: 'warn',
        PARLEY_OLLAMA_URL: '',
      },
    },
  );
  const exit = once(child, 'exit');
  const pid = child.pid as number;
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode}.`);
    await delay(20);
  }
  return {
    port,
    async look() {
      const answer = once(child, 'message');
      child.send('memory');
      const [usage] = (await answer) as [NodeJS.MemoryUsage];
      return {
        resident: residentBytes(pid),
        heap: usage.heapUsed + usage.external,
        descriptors: openDescriptors(pid),
      };
    },
    async stop() {
      child.kill();
      await exit;
      await rm(dataDir, { recursive: true });
    },
  };
}

function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`, { headers: { Connection: 'close' } }).then(
    ({ ok }) => ok,
    () => false,
  );
}
