/** Our gateway, everything as it comes, but for limits that are counted and not reached. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectForProcessors } from '../../packages/gateway/src/cli/processors.ts';
import { createGateway, defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { BURST, PIECE, PIECES, serving } from './work.ts';

const [store = 'memory:', kept] = process.argv.slice(2);
const dataDir = kept ?? mkdtempSync(join(tmpdir(), 'parley-bench-'));
process.on('exit', () => {
  if (kept === undefined) rmSync(dataDir, { recursive: true, force: true });
});

// As `parley serve` does.
collectForProcessors();
const FAR = 1_000_000;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

const stream = defineAgent({
  name: 'stream',
  async *run({ message }) {
    for (let n = 0; n < PIECES; n += 1) {
      yield PIECE;
      if (message !== BURST) await turn();
    }
  },
});

const gateway = await createGateway({
  port: 0,
  host: '127.0.0.1',
  dataDir,
  store,
  agents: [echoAgent, stream],
  agent: 'echo',
  logLevel: 'warn',
  maxConnections: 20_000,
  maxConnectionsPerAddress: 20_000,
  maxConnectionsPerPerson: 20_000,
  maxSessionsPerPerson: 50_000,
  maxRunsPerPerson: 10_000,
  maxRuns: 10_000,
  messageRate: FAR,
  byteRate: 1_000_000_000,
  personRate: FAR,
  addressRate: FAR,
});
const { port } = await gateway.listen();
serving(port);
