import { expect, test } from 'vitest';
import { defineAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { Asker } from './asker.ts';
import { describe } from './record.ts';

const MESSAGES = 300;

test('[R1][R6] messages and answers that are committed together are told in the order of the log, each once', async () => {
  const { ws } = await startGateway({
    store: 'sqlite:',
    dataDir: await temporaryDirectory(),
    agents: [defineAgent({ name: 'brief', run: () => 'yes' })],
  });
  // Several at once, so that a message and the end of an answer get into one commit.
  const asker = new Asker({ url: ws, session: 's', content: 'well?', ahead: 4 });
  await asker.until(MESSAGES);
  await asker.finish();
  asker.leave();
  expect(asker.seen.violations.map(describe)).toEqual([]);
  expect(asker.seen.last).toBe(2 * asker.seen.sent.size);
});
