/** A benchmark is worth what it refuses: an answer that is wrong must never be a good figure. */
import { expect, test } from 'vitest';
import { Ledger } from '../../bench/load/ledger.ts';
import { OF_CONNECTION } from '../../bench/soak/conversation.ts';
import { soak } from '../../bench/soak/soak.ts';
import { chooseSeed } from '../helpers/seeded.ts';

const TEXT = Buffer.from('the whole answer');

function asked(...ids: number[]): Ledger {
  const ledger = new Ledger();
  for (const id of ids) ledger.ask({ id, text: TEXT }, true);
  return ledger;
}

function answer(ledger: Ledger, id: number, text = TEXT): void {
  ledger.pieceAt(0, id, text, 0, 4);
  ledger.pieceAt(4, id, text, 4, text.length);
  ledger.whole(id, text, 0, text.length);
}

test('the load counts what is right and complete', () => {
  const ledger = asked(1, 2);
  for (const id of [1, 2]) ledger.acknowledge(id);
  answer(ledger, 1);
  expect(ledger).toMatchObject({ answers: 1, begun: 1, text: TEXT.length, isOwed: true });
  answer(ledger, 2);
  expect(ledger).toMatchObject({ answers: 2, begun: 2, text: 2 * TEXT.length, isOwed: false });
});

test.each<[string, (ledger: Ledger) => void]>([
  ['another text', (ledger) => answer(ledger, 1, Buffer.from('the wrong answer'))],
  ['an answer out of turn', (ledger) => answer(ledger, 2)],
  ['the same piece again', (ledger) => [0, 0].map((at) => ledger.pieceAt(at, 1, TEXT, at, 4))],
  ['a piece behind a hole', (ledger) => ledger.pieceAt(4, 1, TEXT, 4, 8)],
  ['an end with another text', (ledger) => ledger.whole(1, Buffer.from('the whole'), 0, 9)],
  ['one answer more than was asked for', (ledger) => [1, 2, 3].map((id) => answer(ledger, id))],
  ['an acknowledgement out of turn', (ledger) => ledger.acknowledge(2)],
])('the load refuses %s', (_what, fault) => {
  expect(() => fault(asked(1, 2))).toThrow();
});

test('[R3] [R6] [R8] connections that come, go and resume get every answer once and leave no descriptor open', async () => {
  const seed = chooseSeed();
  const conversations = 4;
  // More than fit into the first connection of each, and of the one before them: whatever the seed, one comes again.
  const messages = (1 + conversations) * OF_CONNECTION.to + 1;
  const { tally, descriptors } = await soak(
    { messages, conversations, seed, every: 500 },
    () => {},
  );
  const said = `FAULT_SEED=${seed}`;
  expect(tally.answered, said).toBeGreaterThanOrEqual(messages);
  for (const part of ['resumed', 'stopped', 'deflatedOut', 'deflatedIn'] as const)
    expect(tally[part], `${said}: ${part}`).toBeGreaterThan(0);
  expect(descriptors.after, said).toBeLessThanOrEqual(descriptors.before);
});
