/**
 * Who executes which run, and when: the leases of the store, and the queue of each node on top of it.
 * What every store must do for that, run on each.
 */
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Store } from '../../packages/gateway/src/stores/store.ts';
import { runNode, silence } from '../helpers/nodes.ts';
import { puppet } from '../helpers/puppet.ts';
import { type OpenedStore, readAll, storesOf } from './opened-stores.ts';
import { identityOf, newAnswer, newMessage, newToolCall, stopBy } from './store-records.ts';

/** Short, so that a test of its end is. */
const LEASE_MS = 400;

async function endsIn(store: Store, session: string) {
  return (await readAll(store, session)).flatMap((event) =>
    event.type === 'agent_response'
      ? [[event.reply_to, event.attempt, event.data.status, event.data.content]]
      : [],
  );
}

/** `severalNodes`: whether it may have more than one node at a time, for which the rest is. */
export function runsContract(
  name: string,
  { severalNodes }: { readonly severalNodes: boolean },
  open: () => Promise<OpenedStore>,
): void {
  describe(name, () => {
    const { setUp, openStore, restart } = storesOf(async () => {
      const opened = await open();
      expect(opened.store.isShared).toBe(severalNodes);
      return opened;
    });

    describe('leases', () => {
      test('[R3] a run is recorded with its message, unfinished runs in the order of messages', async () => {
        const all = await setUp('s', 't');
        const { store } = all;
        const ids = ['z', 'b', 'k', 'a', 'c'];
        for (const [index, id] of ids.entries()) {
          await store.appendMessage(newMessage(index % 2 ? 's' : 't', id));
        }
        await store.claimRuns('s', 'two');
        await store.keepAlive('two', 60_000);
        await store.markStarted('run-t-c', 1);
        await store.finishRun(newAnswer(newMessage('t', 'k')));
        const own = await store.unfinishedRuns('two');
        expect(own.map(({ replyTo }) => replyTo)).toEqual(['b', 'a']);
        const lost = await store.unfinishedRuns(null);
        expect(lost.map(({ replyTo }) => replyTo)).toEqual(['z', 'c']);
        const runs = await (await restart(all)).unfinishedRuns();
        expect(runs.map(({ replyTo }) => replyTo)).toEqual(['z', 'b', 'a', 'c']);
        expect(runs[1]).toEqual({
          runId: 'run-s-b',
          sessionId: 's',
          incarnation: identityOf('s').incarnation,
          audience: ['ann'],
          replyTo: 'b',
          answerId: 'answer-s-b',
          agent: 'guide',
          attempt: 2,
          started: false,
          node: 'two',
          stopped: false,
        });
        expect(runs[3]).toMatchObject({ attempt: 1, started: true });
      });

      test('[R5] a run ends once, however many try at once', async () => {
        const store = await openStore('s');
        const message = newMessage('s', 'm');
        await store.appendMessage(message);
        const outcomes = await Promise.all(
          Array.from({ length: 10 }, () => store.finishRun(newAnswer(message))),
        );
        const [first, ...others] = outcomes;
        expect(first).toEqual({ outcome: 'appended', seq: 2 });
        expect(others).toEqual(Array(9).fill({ outcome: 'stale' }));
        expect(await readAll(store, 's')).toHaveLength(2);
        expect(await store.unfinishedRuns()).toEqual([]);
      });

      test('[R5] nothing of a run follows its end', async () => {
        const all = await setUp('s');
        const message = newMessage('s', 'm');
        await all.store.appendMessage(message);
        await all.store.finishRun(newAnswer(message));
        const store = await restart(all);
        expect(await store.appendRunEvent(newToolCall(message, 't'))).toEqual({ outcome: 'stale' });
        expect(await store.markStarted(message.run.runId, 1)).toBe(false);
        expect(await store.claimRuns('s', 'two')).toEqual([]);
        expect(await readAll(store, 's')).toHaveLength(2);
      });

      test('[R5] of those who take a run over at once one succeeds and the stale are fenced', async () => {
        const store = await openStore('s');
        const message = newMessage('s', 'm');
        const { runId } = message.run;
        await store.appendMessage(message);
        const nodes = ['two', 'three', 'four'];
        for (const node of nodes) await store.keepAlive(node, 60_000);
        const claims = await Promise.all(nodes.map((node) => store.claimRuns('s', node)));
        expect(claims.flat()).toMatchObject([{ runId, attempt: 2 }]);
        for (const attempt of [1, 3]) {
          expect(await store.markStarted(runId, attempt)).toBe(false);
          const call = newToolCall(message, 't', attempt);
          expect(await store.appendRunEvent(call)).toEqual({ outcome: 'stale' });
          const answer = newAnswer(message, { attempt });
          expect(await store.finishRun(answer)).toEqual({ outcome: 'stale' });
        }
        expect(await store.markStarted(runId, 2)).toBe(true);
        expect(await store.markStarted(runId, 2)).toBe(true);
        for (const node of nodes) await store.keepAlive(node, 0);
        expect(await store.claimRuns('s', 'five')).toMatchObject([{ attempt: 3, node: 'five' }]);
        const done = await store.finishRun(newAnswer(message, { attempt: 3 }));
        expect(done).toEqual({ outcome: 'appended', seq: 2 });
      });

      test('[R7] a message is told which run of its session is the last before it, and in which attempt', async () => {
        const store = await openStore('s', 't');
        const follows = async (session: string, id: string) => {
          const outcome = await store.appendMessage(newMessage(session, id));
          return outcome.outcome === 'appended' ? outcome.before : outcome;
        };
        // Neither the order of ids nor that of sessions is that of the messages.
        expect(await follows('s', 'b')).toBeNull();
        expect(await follows('t', 'c')).toBeNull();
        expect(await follows('s', 'a')).toEqual({ runId: 'run-s-b', attempt: 1 });
        await store.claimRuns('s', 'two');
        expect(await follows('s', 'z')).toEqual({ runId: 'run-s-a', attempt: 2 });
        await store.finishRun(newAnswer(newMessage('s', 'z')));
        expect(await follows('s', 'y')).toEqual({ runId: 'run-s-a', attempt: 2 });
      });

      test('[R5] the runs of a session are executed by one node, until it lives no more', async () => {
        const store = await openStore('s', 't');
        await store.keepAlive('one', 60_000);
        const from = (node: string, session: string, id: string) => {
          const message = newMessage(session, id);
          return store.appendMessage({ ...message, run: { ...message.run, node } });
        };
        expect(await from('one', 's', 'a')).toMatchObject({ node: 'one' });
        expect(await from('two', 's', 'b')).toMatchObject({ node: 'one' });
        expect(await from('two', 't', 'c')).toMatchObject({ node: 'two' });
        expect(await store.claimRuns('s', 'two')).toEqual([]);
        await store.keepAlive('one', 0);
        await store.keepAlive('two', 60_000);
        const claimed = await store.claimRuns('s', 'two');
        expect(claimed.map(({ replyTo, attempt, node }) => [replyTo, attempt, node])).toEqual([
          ['a', 2, 'two'],
          ['b', 2, 'two'],
        ]);
        for (const id of ['a', 'b']) {
          const answer = newAnswer(newMessage('s', id), { attempt: 2 });
          expect((await store.finishRun(answer)).outcome).toBe('appended');
        }
        // It has none any more, so whoever is asked next has the next.
        expect(await from('three', 's', 'd')).toMatchObject({ node: 'three' });
      });

      test('[R5] [R10] runs for any node go to one that lives, or to the first that comes, who is not the second', async () => {
        const { store } = await setUp('s', 't', 'u');
        const post = (session: string, id: string) => {
          const message = newMessage(session, id);
          return store.appendMessage({ ...message, run: { ...message.run, node: null } });
        };
        expect(await post('s', 'a')).toMatchObject({ node: '' });
        expect(await post('s', 'b')).toMatchObject({ node: '' });
        await store.keepAlive('one', 60_000);
        await store.keepAlive('gone', 0);
        expect(await post('t', 'c')).toMatchObject({ node: 'one' });
        // The earlier ones of its session wait.
        expect(await post('s', 'd')).toMatchObject({ node: '' });
        expect(await store.unfinishedRuns(null)).toMatchObject(
          ['a', 'b', 'd'].map((replyTo) => ({ replyTo, node: '' })),
        );
        expect(await store.claimRuns('s', 'one')).toMatchObject(
          ['a', 'b', 'd'].map((replyTo) => ({ replyTo, node: 'one', attempt: 1 })),
        );
        expect(await store.claimRuns('s', 'two')).toEqual([]);
        expect(await post('s', 'e')).toMatchObject({ node: 'one' });
      });

      test('[R4] a stop is about the messages before it, and of who may write', async () => {
        const { store } = await setUp('s');
        await store.addMember('s', 'reader', 'read', 0);
        await store.addMember('s', 'writer', 'write', 0);
        const [, stopped] = await Promise.all([
          store.appendMessage(newMessage('s', 'a')),
          store.stopRuns(identityOf('s'), stopBy()),
          store.appendMessage(newMessage('s', 'b')),
        ]);
        expect(stopped?.map(({ replyTo }) => replyTo)).toEqual(['a']);
        const marked = async () => (await store.unfinishedRuns()).map((run) => run.stopped);
        for (const sender of ['reader', 'nobody']) {
          const stop = { sender, asAdmin: false };
          expect(await store.stopRuns(identityOf('s'), stop)).toBeUndefined();
        }
        expect(await marked()).toEqual([true, false]);
        for (const stop of [
          { sender: 'writer', asAdmin: false },
          { sender: 'nobody', asAdmin: true },
        ])
          expect(await store.stopRuns(identityOf('s'), stop)).toHaveLength(2);
        expect(await marked()).toEqual([true, true]);
      });

      test('[R4] that runs are to be stopped is kept, for whoever has them then', async () => {
        const all = await setUp('s', 't');
        const { store } = all;
        for (const id of ['a', 'b']) await store.appendMessage(newMessage('s', id));
        await store.appendMessage(newMessage('t', 'c'));
        const one = await store.stopRuns(identityOf('s'), stopBy('run-s-b'));
        expect(one).toMatchObject([{ runId: 'run-s-b', stopped: true }]);
        expect(await store.stopRuns(identityOf('s'), stopBy('run-t-c'))).toEqual([]);
        expect(await store.stopRuns(identityOf('nowhere'), stopBy())).toBeUndefined();
        expect(await store.stopRuns(identityOf('s'), stopBy())).toHaveLength(2);
        const after = await restart(all);
        const runs = await after.unfinishedRuns();
        expect(runs.map(({ stopped }) => stopped)).toEqual([true, true, false]);
        expect(await after.claimRuns('s', 'two')).toMatchObject([
          { stopped: true },
          { stopped: true },
        ]);
      });

      test('[R5] a node that says that it ends hands its runs over at once', async () => {
        const store = await openStore('s');
        await store.keepAlive('one', 60_000);
        await store.appendMessage(newMessage('s', 'a'));
        expect(await store.unfinishedRuns(null)).toEqual([]);
        await store.keepAlive('one', 0);
        expect(await store.unfinishedRuns(null)).toHaveLength(1);
        expect(await store.claimRuns('s', 'two')).toMatchObject([{ node: 'two', attempt: 2 }]);
      });

      test.runIf(severalNodes)(
        '[R5] how long a node lives is not told by the clock of any node',
        async () => {
          const store = await openStore('s');
          await store.appendMessage(newMessage('s', 'a'));
          onTestFinished(() => void vi.useRealTimers());
          for (const off of [-86_400_000, 86_400_000]) {
            vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + off });
            await store.keepAlive('one', 60_000);
            vi.useRealTimers();
            expect(await store.claimRuns('s', 'two')).toEqual([]);
            await store.keepAlive('one', 0);
            vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - off });
            expect(await store.unfinishedRuns(null)).toHaveLength(1);
            vi.useRealTimers();
          }
        },
      );

      test('[R5] a run writes to its own session only', async () => {
        const store = await openStore('s', 't');
        const message = newMessage('s', 'm');
        await store.appendMessage(message);
        const astray = { ...newAnswer(message), session_id: 't' };
        expect(await store.finishRun(astray)).toEqual({ outcome: 'stale' });
        const { run_id: _, ...anonymous } = newAnswer(message);
        expect(await store.finishRun(anonymous)).toEqual({ outcome: 'stale' });
        expect(await readAll(store, 't')).toEqual([]);
        expect(await store.unfinishedRuns()).toHaveLength(1);
      });
    });

    describe('execution', () => {
      async function setUpNodes() {
        const store = await openStore('s', 't');
        const { agent, next } = puppet();
        const startNode = async () => {
          const node = await runNode(store, agent, LEASE_MS);
          await node.runs.start();
          onTestFinished(() => node.runs.drain(AbortSignal.abort()));
          return node;
        };
        return { store, next, one: await startNode(), startNode };
      }

      test('[R3] runs of a session are executed one at a time, in the order of their messages', async () => {
        const { store, next, one } = await setUpNodes();
        const ids = ['a', 'b', 'c'];
        await Promise.all(ids.map((id) => one.post(newMessage('s', id))));
        await one.post(newMessage('t', 'x'));
        const first = await next();
        // Another session's does not wait for it, and the next of its own does.
        const beside = await next();
        expect([first.input.message, beside.input.message]).toEqual(['text of a', 'text of x']);
        await beside.finish();
        await first.finish();
        for (const id of ['b', 'c']) {
          const run = await next();
          expect(run.input.message).toBe(`text of ${id}`);
          await run.finish();
        }
        await expect
          .poll(() => endsIn(store, 's'))
          .toEqual(ids.map((id) => [id, 1, 'complete', '']));
      });

      test('[R4] a run that is withdrawn while it waits is not executed, and those behind it are', async () => {
        const { store, next, one } = await setUpNodes();
        for (const id of ['a', 'b', 'c']) await one.post(newMessage('s', id));
        const first = await next();
        expect(await one.runs.cancel(identityOf('s').incarnation, 'run-s-b')).toEqual(['run-s-b']);
        await first.finish();
        const last = await next();
        expect(last.input.message).toBe('text of c');
        await last.finish();
        await expect
          .poll(() => endsIn(store, 's'))
          .toEqual([
            ['b', 1, 'cancelled', ''],
            ['a', 1, 'complete', ''],
            ['c', 1, 'complete', ''],
          ]);
      });

      test('[R5] what a node has left is taken up in its order by the next, and the old attempt is refused', async () => {
        const { store, next, one, startNode } = await setUpNodes();
        for (const id of ['a', 'b', 'c']) await one.post(newMessage('s', id));
        const left = await next();
        await one.runs.drain(AbortSignal.abort());
        // While it lives, the node itself may find the mark first.
        await store.stopRuns(identityOf('s'), stopBy('run-s-b'));
        await startNode();
        const taken = await next();
        expect([taken.input.message, taken.input.attempt]).toEqual(['text of a', 2]);
        void left.say('stale');
        void left.finish();
        const stale = newAnswer(newMessage('s', 'a'), { content: 'stale' });
        expect(await store.finishRun(stale)).toEqual({ outcome: 'stale' });
        await taken.say('anew');
        await taken.finish();
        const last = await next();
        expect([last.input.message, last.input.attempt]).toEqual(['text of c', 2]);
        await last.finish();
        await expect
          .poll(() => endsIn(store, 's'))
          .toEqual([
            ['b', 2, 'cancelled', ''],
            ['a', 2, 'complete', 'anew'],
            ['c', 2, 'complete', ''],
          ]);
      });

      test.runIf(severalNodes)(
        '[R5] a node that lives keeps its runs, and one that is silent loses them',
        async () => {
          const { store, next, one, startNode } = await setUpNodes();
          const two = await startNode();
          await one.post(newMessage('s', 'a'));
          const run = await next();
          const beats = vi.spyOn(store, 'keepAlive');
          const enough = () => beats.mock.calls.filter(([node]) => node === two.runs.node).length;
          await expect.poll(enough, { timeout: 10 * LEASE_MS }).toBeGreaterThan(10);
          expect(await store.unfinishedRuns(one.runs.node)).toMatchObject([{ attempt: 1 }]);
          const heal = silence(store, one.runs.node);
          const taken = await next();
          expect(taken.input.attempt).toBe(2);
          await taken.finish();
          heal();
          await run.aborted;
          expect(await endsIn(store, 's')).toEqual([['a', 2, 'complete', '']]);
        },
      );

      test.runIf(severalNodes)(
        '[R4] a stop reaches a run through the store, whichever node has it',
        async () => {
          const { store, next, one } = await setUpNodes();
          for (const id of ['a', 'b']) await one.post(newMessage('s', id));
          const run = await next();
          await run.say('some');
          expect(await store.stopRuns(identityOf('s'), stopBy())).toMatchObject([
            { node: one.runs.node },
            { node: one.runs.node },
          ]);
          await run.aborted;
          await expect
            .poll(async () => (await endsIn(store, 's')).sort())
            .toEqual([
              ['a', 1, 'cancelled', 'some'],
              ['b', 1, 'cancelled', ''],
            ]);
        },
      );

      test.runIf(severalNodes)(
        '[R3] a run that another node has put there for this one is executed in its place',
        async () => {
          const { next, one, startNode } = await setUpNodes();
          const two = await startNode();
          await one.post(newMessage('s', 'a'));
          expect(await two.post(newMessage('s', 'b'))).toMatchObject({ node: one.runs.node });
          await (await next()).finish();
          const second = await next();
          expect(second.input.message).toBe('text of b');
          await second.finish();
          await expect.poll(() => one.runs.size).toBe(0);
          expect(two.said).toEqual([]);
        },
      );
    });
  });
}
