/**
 * What compression saves and costs: bytes that one reader gets, and processor time of the server, for
 * answers streamed word by word and for a page of history. `npx node bench/compression.ts`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createGateway, defineAgent } from '@parley/gateway';
import { WebSocket } from 'ws';

const ANSWERS = 100;
const JOINS = 200;
const READERS = 4;
const PROSE = readFileSync(new URL('../docs/agents.md', import.meta.url), 'utf8').slice(0, 4_000);

interface Cost {
  readonly bytes: number;
  readonly milliseconds: number;
}

async function serve(compression: string): Promise<void> {
  const agent = defineAgent({
    name: 'reader',
    async *run() {
      // A turn of the event loop for each, as with a model: what comes at once would be one chunk.
      for (const word of PROSE.match(/\s*\S+/g) ?? []) {
        yield word;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  });
  const gateway = await createGateway({
    port: 0,
    store: 'memory:',
    logLevel: 'silent',
    agents: [agent],
    compression: compression as 'off' | 'on',
    messageRate: 0,
  });
  const { port } = await gateway.listen();
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.send?.({ port });
}

class Reader {
  readonly socket: WebSocket;
  #stream: Socket | undefined;

  constructor(port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, ['parley.v1']);
    this.socket.on('upgrade', (response) => {
      this.#stream = response.socket;
    });
  }

  get bytes(): number {
    return this.#stream?.bytesRead ?? 0;
  }

  send(message: Record<string, unknown>): void {
    this.socket.send(JSON.stringify(message));
  }

  next(type: string): Promise<{ session_id: string }> {
    return new Promise((resolve) => {
      const listener = (bytes: Buffer) => {
        const message = JSON.parse(String(bytes));
        if (message.type !== type) return;
        this.socket.off('message', listener);
        resolve(message);
      };
      this.socket.on('message', listener);
    });
  }
}

async function processorMs(server: ChildProcess): Promise<number> {
  const answer = once(server, 'message');
  server.send('usage');
  const [usage] = (await answer) as [NodeJS.CpuUsage];
  return (usage.user + usage.system) / 1_000;
}

async function measure(compression: string): Promise<Record<'answer' | 'history', Cost>> {
  const server = fork(import.meta.filename, [compression]);
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const readers = Array.from({ length: READERS }, () => new Reader(port));
  await Promise.all(readers.map(({ socket }) => once(socket, 'open')));
  const [first] = readers as [Reader];
  first.send({ type: 'session_create' });
  const { session_id } = await first.next('session_status');
  const join = async (reader: Reader) => {
    reader.send({ type: 'session_join', session_id });
    await reader.next('session_status');
  };
  const costOf = async (times: number, work: () => Promise<void>): Promise<Cost> => {
    const [bytes, milliseconds] = [first.bytes, await processorMs(server)];
    for (let i = 0; i < times; i += 1) await work();
    return {
      bytes: (first.bytes - bytes) / times,
      milliseconds: ((await processorMs(server)) - milliseconds) / times,
    };
  };
  const ask = async () => {
    const ends = readers.map((reader) => reader.next('agent_response'));
    first.send({ type: 'chat_message', session_id, data: { content: 'Read.' } });
    await Promise.all(ends);
  };
  await Promise.all(readers.map(join));
  await costOf(10, ask);
  const answer = await costOf(ANSWERS, ask);
  await costOf(10, () => join(first));
  const history = await costOf(JOINS, () => join(first));
  for (const { socket } of readers) socket.terminate();
  server.kill();
  return { answer, history };
}

const [compression] = process.argv.slice(2);
if (compression !== undefined) await serve(compression);
else {
  const off = await measure('off');
  const on = await measure('on');
  for (const what of ['answer', 'history'] as const) {
    for (const [name, { bytes, milliseconds }] of Object.entries({
      off: off[what],
      on: on[what],
    })) {
      console.log(`${what}, ${name}: ${Math.round(bytes)} bytes, ${milliseconds.toFixed(2)} ms`);
    }
  }
}
