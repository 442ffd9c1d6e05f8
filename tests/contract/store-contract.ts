/** What every store must do, whatever it keeps its data in. Titles cite the rules of the design. */
import { encode } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import {
  type AppendMessage,
  type MessageOutcome,
  STORE_LIMITS,
  type Store,
  StoreError,
} from '../../packages/gateway/src/stores/store.ts';
import { type OpenedStore, readAll, storesOf } from './opened-stores.ts';
import {
  identityOf,
  newAnswer,
  newMessage,
  newSession,
  newToolCall,
  START,
  stopBy,
} from './store-records.ts';

export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(name, () => {
    const { setUp, openStore, restart } = storesOf(open);
    /** Appends a message and its answer. */
    async function turn(store: Store, message: AppendMessage, answer?: string): Promise<void> {
      await store.appendMessage(message);
      await store.finishRun(newAnswer(message, answer === undefined ? {} : { content: answer }));
    }
    describe('sessions', () => {
      test('[R1] a new session has an empty log', async () => {
        const store = await openStore();
        const session = newSession('s', { title: 'Plans' });
        const record = {
          ...session,
          lastActivity: START,
          messageCount: 0,
          firstSeq: 1,
          lastSeq: 0,
          members: {},
          version: 1,
          invitationEpoch: 0,
        };
        expect(await store.createSession(session)).toEqual({ session: record, created: true });
        expect(await store.getSession('s')).toEqual(record);
        expect(await store.readSession('s', { limit: 10 })).toEqual({
          session: record,
          texts: [],
          runs: [],
        });
      });

      test('creating a session that is there returns it, whoever asks', async () => {
        const store = await openStore('s');
        const again = newSession('s', { owner: 'bob', title: 'Mine', agent: 'echo', createdAt: 1 });
        const { session, created } = await store.createSession(again);
        expect(created).toBe(false);
        expect(session).toEqual(await store.getSession('s'));
        expect(session).toMatchObject({ owner: 'ann', title: null, agent: 'guide' });
      });

      test('of simultaneous creations no more are created than their owner may have', async () => {
        const store = await openStore('first');
        const bobs = newSession('of bob', { owner: 'bob' });
        const [other, ...mine] = await Promise.all([
          store.createSession(bobs, 1),
          ...Array.from({ length: 9 }, (_, index) =>
            store.createSession(newSession(`${index}`), 5),
          ),
        ]);
        expect(other.created).toBe(true);
        expect(mine.filter(({ created }) => created).length).toBe(4);
        expect(mine.at(-1)).toEqual({ session: undefined, created: false });
        expect(await store.getSession('8')).toBeUndefined();
        // One that is there is returned however many there are.
        expect(await store.createSession(newSession('first'), 5)).toMatchObject({
          session: { id: 'first' },
          created: false,
        });
        await store.deleteSession(identityOf('first'));
        expect((await store.createSession(newSession('8'), 5)).created).toBe(true);
      });

      test('of simultaneous creations of one session one creates', async () => {
        const store = await openStore();
        const all = await Promise.all(
          Array.from({ length: 20 }, () => store.createSession(newSession('s'))),
        );
        expect(all.map(({ created }) => created)).toEqual([true, ...Array(19).fill(false)]);
      });

      test('an unknown session is undefined', async () => {
        const store = await openStore();
        expect(await store.getSession('none')).toBeUndefined();
        expect(await store.readSession('none', { limit: 1 })).toBeUndefined();
        expect(await store.getEvent(identityOf('none'), 'm')).toBeUndefined();
        expect(await store.updateSession(identityOf('none'), { title: 'x' })).toBeUndefined();
        expect(await store.deleteSession(identityOf('none'))).toBeUndefined();
      });

      test('a patch changes what it names and nothing else', async () => {
        const store = await openStore('s');
        const before = await store.getSession('s');
        expect(await store.updateSession(identityOf('s'), { title: 'New' })).toEqual({
          ...before,
          title: 'New',
          version: 2,
        });
        const after = { ...before, title: 'New', agent: 'echo', version: 3 };
        expect(await store.updateSession(identityOf('s'), { agent: 'echo' })).toEqual(after);
        expect(await store.getSession('s')).toEqual(after);
      });

      test('the first message gives a title where there is none', async () => {
        const store = await openStore('s');
        await store.createSession(newSession('named', { title: 'Kept' }));
        for (const id of ['s', 'named']) {
          await store.appendMessage(newMessage(id, 'm1', { title: 'first' }));
          await store.appendMessage(newMessage(id, 'm2', { title: 'second' }));
        }
        expect((await store.getSession('s'))?.title).toBe('first');
        expect((await store.getSession('named'))?.title).toBe('Kept');
      });

      test('sessions are listed per owner, the most recently active first, in pages', async () => {
        const store = await openStore();
        for (const id of ['a', 'b', 'c', 'd']) {
          await store.createSession(newSession(id, { createdAt: START + id.charCodeAt(0) }));
        }
        await store.createSession(newSession('other', { owner: 'bob' }));
        await store.appendMessage(newMessage('b', 'm', { at: START + 1_000 }));
        const list = async (limit: number, after?: string, owner = 'ann') => {
          const page = await store.listSessions({ person: owner, after, limit });
          return { ...page, sessions: page.sessions.map(({ id }) => id).join('') };
        };
        expect(await list(10)).toEqual({ sessions: 'bdca', total: 4 });
        expect(await list(4)).toEqual({ sessions: 'bdca', total: 4 });
        const { next, ...first } = await list(2);
        expect(first).toEqual({ sessions: 'bd', total: 4 });
        // What moves up meanwhile, and what is new, puts nothing out of its place.
        await store.appendMessage(newMessage('d', 'n', { at: START + 2_000 }));
        await store.createSession(newSession('e', { createdAt: START + 3_000 }));
        const second = await list(1, next);
        expect(second).toMatchObject({ sessions: 'c', total: 5 });
        expect(await list(1, second.next)).toEqual({ sessions: 'a', total: 5 });
        expect(await list(1, '0.0')).toEqual({ sessions: '', total: 5 });
        expect(await list(10, undefined, 'nobody')).toEqual({ sessions: '', total: 0 });
        await expect(list(1, '1')).rejects.toThrow(RangeError);
        const { sessions } = await store.listSessions({ person: 'ann', limit: 1 });
        expect(sessions).toEqual([await store.getSession('e')]);
      });

      test('each change of a session that is one is counted, and heads tell of it and of the log', async () => {
        const store = await openStore('s', 'other');
        const version = async () => (await store.getSession('s'))?.version;
        const counted: (number | undefined)[] = [await version()];
        const count = async (...changes: Promise<unknown>[]) => {
          await Promise.all(changes);
          counted.push(await version());
        };
        await count(store.addMember('s', 'bob', 'read', 0));
        await count(store.addMember('s', 'bob', 'read', 0));
        await count(
          store.addMember('s', 'ann', 'write', 0),
          store.addMember('s', 'eve', 'read', 7),
        );
        await count(store.addMember('s', 'bob', 'write', 0));
        await count(store.appendMessage(newMessage('s', 'm1')));
        await count(store.appendMessage(newMessage('s', 'm2')));
        await count(store.finishRun(newAnswer(newMessage('s', 'm1'))));
        await count(store.updateSession(identityOf('s'), { agent: 'echo' }));
        await count(store.removeMember(identityOf('s'), 'bob'));
        await count(store.withdrawInvitations(identityOf('s')));
        expect(counted).toEqual([1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 7]);
        expect((await store.updateSession(identityOf('s'), { title: 'new' }))?.version).toBe(8);
        const heads = await store.heads(['s', 'none', 'other']);
        expect(new Set(heads)).toEqual(
          new Set([
            { incarnation: identityOf('s').incarnation, lastSeq: 3, version: 8 },
            { incarnation: identityOf('other').incarnation, lastSeq: 0, version: 1 },
          ]),
        );
      });

      test('an event of a clock that is behind does not take the last activity back', async () => {
        const store = await openStore('s');
        await store.appendMessage(newMessage('s', 'm1', { at: START + 60_000 }));
        await store.appendMessage(newMessage('s', 'm2', { at: START + 1_000 }));
        expect((await store.getSession('s'))?.lastActivity).toBe(START + 60_000);
      });

      test('of equally active sessions the newer comes first', async () => {
        const store = await openStore('one', 'two', 'three');
        const { sessions } = await store.listSessions({ person: 'ann', limit: 10 });
        expect(sessions.map(({ id }) => id)).toEqual(['three', 'two', 'one']);
        const { next } = await store.listSessions({ person: 'ann', limit: 2 });
        const rest = await store.listSessions({ person: 'ann', after: next, limit: 2 });
        expect(rest.sessions.map(({ id }) => id)).toEqual(['one']);
      });

      test('members are kept in the order of their names, given more, never less, and taken out', async () => {
        const opened = await setUp('s', 'other');
        const { store } = opened;
        expect(await store.addMember('nowhere', 'bob', 'read', 0)).toBeUndefined();
        await store.addMember('s', 'zoe', 'write', 0);
        const { members } = (await store.addMember('s', 'bob', 'read', 0)) ?? {};
        expect(Object.entries(members ?? {})).toEqual([
          ['bob', 'read'],
          ['zoe', 'write'],
        ]);
        // The owner is none, and what is not there is taken out without a word.
        expect((await store.addMember('s', 'ann', 'read', 0))?.members).toEqual(members);
        expect((await store.removeMember(identityOf('s'), 'nobody'))?.members).toEqual(members);
        await store.addMember('s', 'bob', 'write', 0);
        expect((await store.addMember('s', 'bob', 'read', 0))?.members).toEqual({
          bob: 'write',
          zoe: 'write',
        });
        expect(await store.removeMember(identityOf('nowhere'), 'zoe')).toBeUndefined();
        await store.removeMember(identityOf('s'), 'zoe');
        const after = await restart(opened);
        expect((await after.getSession('s'))?.members).toEqual({ bob: 'write' });
        expect((await after.readSession('s', { limit: 1 }))?.session.members).toEqual({
          bob: 'write',
        });
        expect((await after.getSession('other'))?.members).toEqual({});
      });

      test.each(['__proto__', 'constructor', 'a.b', "o'hara", '名前'])(
        'a member may be called %s',
        async (name) => {
          const store = await openStore('s');
          const record = await store.addMember('s', name, 'read', 0);
          expect(Object.entries(record?.members ?? {})).toEqual([[name, 'read']]);
          expect((await store.listSessions({ person: name, limit: 5 })).total).toBe(1);
          expect((await store.removeMember(identityOf('s'), name))?.members).toEqual({});
        },
      );

      test('[R2] withdrawals of invitations are counted', async () => {
        const opened = await setUp('s');
        const { store } = opened;
        expect(await store.withdrawInvitations(identityOf('nowhere'))).toBeUndefined();
        expect((await store.withdrawInvitations(identityOf('s')))?.invitationEpoch).toBe(1);
        expect((await store.withdrawInvitations(identityOf('s')))?.invitationEpoch).toBe(2);
        // What was given out before lets nobody in, also where that was looked at before.
        for (const given of [0, 1, 3]) {
          expect((await store.addMember('s', 'bob', 'read', given))?.members).toEqual({});
        }
        expect((await store.addMember('s', 'bob', 'read', 2))?.members).toEqual({ bob: 'read' });
        expect((await store.addMember('s', 'bob', 'write', 1))?.members).toEqual({ bob: 'read' });
        const after = await restart(opened);
        expect((await after.getSession('s'))?.invitationEpoch).toBe(2);
      });

      test('[R8] a session has so many members and no more', async () => {
        const store = await openStore('s');
        for (let i = 0; i < STORE_LIMITS.members; i += 1)
          await store.addMember('s', `m-${i}`, 'read', 0);
        await expect(store.addMember('s', 'one more', 'read', 0)).rejects.toThrow(RangeError);
        // Those that are there may be given other access.
        expect((await store.addMember('s', 'm-7', 'write', 0))?.members['m-7']).toBe('write');
        await store.removeMember(identityOf('s'), 'm-8');
        await store.addMember('s', 'one more', 'read', 0);
      });

      test('sessions of a member are listed and searched with their own, and go with the session', async () => {
        const store = await openStore();
        for (const [id, owner, at] of [
          ['mine', 'bob', 1],
          ['shared', 'ann', 2],
          ['foreign', 'ann', 3],
          ['newest', 'bob', 4],
        ] as const) {
          await store.createSession(newSession(id, { owner, createdAt: START + at }));
        }
        for (const id of ['shared', 'foreign'])
          await turn(store, newMessage(id, 'm', { content: 'herring' }));
        await store.addMember('shared', 'bob', 'read', 0);
        const list = async () => {
          const { sessions, total } = await store.listSessions({
            person: 'bob',
            limit: 10,
          });
          return [total, sessions.map(({ id }) => id)];
        };
        expect((await list())[0]).toBe(3);
        expect(new Set((await list())[1] as string[])).toEqual(
          new Set(['mine', 'shared', 'newest']),
        );
        const hits = await store.search({ person: 'bob', text: 'herring', limit: 10 });
        expect(new Set(hits.map(({ sessionId }) => sessionId))).toEqual(new Set(['shared']));
        await store.deleteSession(identityOf('shared'));
        expect((await list())[0]).toBe(2);
      });

      test('[R8] a page has at least 1 and at most 1,000 entries, whatever is asked for', async () => {
        const store = await openStore();
        await Promise.all(
          Array.from({ length: 1_005 }, (_, index) => store.createSession(newSession(`s${index}`))),
        );
        await Promise.all(
          Array.from({ length: 1_005 }, (_, index) =>
            store.appendMessage(newMessage('s0', `m${index}`)),
          ),
        );
        for (const [limit, length] of [
          [1e9, 1_000],
          [0, 1],
          [-5, 1],
        ] as const) {
          const list = await store.listSessions({ person: 'ann', limit });
          expect(list.sessions).toHaveLength(length);
          expect((await store.readSession('s0', { limit }))?.events).toHaveLength(length);
          expect((await store.readSession('s0', { limit, after: 0 }))?.events).toHaveLength(length);
        }
        const hits = await store.search({ person: 'ann', text: 'text', limit: 1e9 });
        expect(hits).toHaveLength(STORE_LIMITS.hits);
      });

      test('deleting takes the log, the runs and the words away', async () => {
        const all = await setUp('s', 'kept');
        const { store } = all;
        const message = newMessage('s', 'm', { content: 'a secret word' });
        await turn(store, newMessage('s', 'm0', { content: 'another secret' }), 'secret answer');
        await store.appendMessage(message);
        await store.appendMessage(newMessage('kept', 'm', { content: 'no secret' }));
        expect(await store.deleteSession(identityOf('s'))).toEqual({ node: 'one' });
        expect(await store.deleteSession(identityOf('s'))).toBeUndefined();
        const after = await restart(all);
        expect(await after.getSession('s')).toBeUndefined();
        expect(await after.readSession('s', { limit: 1 })).toBeUndefined();
        expect(await after.getEvent(identityOf('s'), 'm')).toBeUndefined();
        expect((await after.unfinishedRuns()).map(({ sessionId }) => sessionId)).toEqual(['kept']);
        const hits = await after.search({ person: 'ann', text: 'secret', limit: 10 });
        expect(hits.map(({ sessionId }) => sessionId)).toEqual(['kept']);
        expect(await after.appendMessage(message)).toEqual({ outcome: 'session_not_found' });
        expect(await after.finishRun(newAnswer(message))).toEqual({ outcome: 'stale' });
      });

      test('[R10] what is meant for a session that was deleted is not done to the next one of its id', async () => {
        const store = await openStore('s');
        const gone = identityOf('s');
        await turn(store, newMessage('s', 'old'));
        await store.deleteSession(gone);
        const next = { id: 's', incarnation: 'the second s' };
        const { session, created } = await store.createSession(newSession('s', next));
        expect(created).toBe(true);
        expect(session).toMatchObject(next);
        const message = newMessage('s', 'm', next);
        await store.appendMessage(message);
        const before = await store.readSession('s', { limit: 10 });
        expect(before?.session).toMatchObject({ ...next, lastSeq: 1 });
        const notFound = { outcome: 'session_not_found' };
        for (const id of ['m', 'other']) {
          expect(await store.appendMessage(newMessage('s', id))).toEqual(notFound);
          expect(await store.repeatMessage(newMessage('s', id))).toEqual(notFound);
        }
        expect(await store.updateSession(gone, { title: 'x' })).toBeUndefined();
        expect(await store.removeMember(gone, 'bob')).toBeUndefined();
        expect(await store.withdrawInvitations(gone)).toBeUndefined();
        expect(await store.stopRuns(gone, stopBy())).toBeUndefined();
        expect(await store.getEvent(gone, 'm')).toBeUndefined();
        expect(await store.questions(gone)).toEqual([]);
        expect(await store.deleteSession(gone)).toBeUndefined();
        expect(await store.readSession('s', { limit: 10 })).toEqual(before);
        expect(await store.heads(['s', 'none'])).toEqual([
          { incarnation: next.incarnation, lastSeq: 1, version: before?.session.version },
        ]);
        expect(await store.unfinishedRuns()).toMatchObject([
          { sessionId: 's', incarnation: next.incarnation, stopped: false },
        ]);
        expect(await store.repeatMessage(message)).toMatchObject({ outcome: 'duplicate' });
        expect(await store.deleteSession(next)).toEqual({ node: 'one' });
      });

      test('[R3] a session created again after its deletion begins anew', async () => {
        const store = await openStore('s');
        await turn(store, newMessage('s', 'm', { content: 'old words' }));
        await store.deleteSession(identityOf('s'));
        await store.createSession(newSession('s'));
        const message = newMessage('s', 'm', { content: 'new words' });
        expect(await store.appendMessage(message)).toEqual({
          outcome: 'appended',
          seq: 1,
          node: 'one',
          before: null,
          titled: 2,
        });
        const hits = await store.search({ person: 'ann', text: 'words', limit: 10 });
        expect(hits.map(({ snippet }) => snippet)).toEqual(['new words']);
      });
    });

    describe('messages', () => {
      test('[R1] seq is 1, 2, 3 … per session without a hole under concurrency', async () => {
        const store = await openStore('a', 'b');
        const outcomes = await Promise.all(
          Array.from({ length: 600 }, (_, index) =>
            store.appendMessage(newMessage(index % 2 ? 'a' : 'b', `m${index}`)),
          ),
        );
        expect(outcomes).toEqual(
          outcomes.map((_, index) => ({
            outcome: 'appended',
            seq: Math.floor(index / 2) + 1,
            node: 'one',
            before:
              index < 2
                ? null
                : { runId: `run-${index % 2 ? 'a' : 'b'}-m${index - 2}`, attempt: 1 },
            titled: index < 2 ? 2 : null,
          })),
        );
        for (const id of ['a', 'b']) {
          const events = await readAll(store, id);
          expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
          expect(await store.getSession(id)).toMatchObject({ messageCount: 300, lastSeq: 300 });
        }
      });

      test('[R7] an event is read as it was appended', async () => {
        const all = await setUp('s');
        const { store } = all;
        const message = newMessage('s', 'm', { at: START + 7 });
        const call = newToolCall(message, 't');
        const answer = newAnswer(message, { at: START + 9 });
        await store.appendMessage(message);
        await store.appendRunEvent(call);
        await store.finishRun(answer);
        const events = [message.event, call, answer].map((event, index) => ({
          ...event,
          seq: index + 1,
        }));
        const after = await restart(all);
        expect(await readAll(after, 's')).toEqual(events);
        for (const event of events) {
          expect(await after.getEvent(identityOf('s'), event.message_id)).toEqual(event);
        }
        expect(await after.getEvent(identityOf('s'), 'none')).toBeUndefined();
        expect(await after.getSession('s')).toMatchObject({
          lastActivity: START + 9,
          messageCount: 2,
          lastSeq: 3,
        });
      });

      test('[R6] an event is read as the text that goes over the wire', async () => {
        const session = 'a "session" \\';
        const store = await openStore(session);
        const message = newMessage(session, 'a "message" \\');
        await store.appendMessage(message);
        await store.appendRunEvent(newToolCall(message, 't'));
        await store.finishRun(newAnswer(message));
        const page = await store.readSession(session, { limit: 9 });
        expect(page?.texts).toEqual(page?.events.map(encode));
        expect(page?.events.map(({ message_id: id }) => id)).toEqual([
          message.event.message_id,
          't',
          message.run.answerId,
        ]);
        expect(page?.endedRuns).toEqual([message.run.runId]);
        expect(await store.getEvent(identityOf(session), message.run.answerId)).toEqual(
          page?.events[2],
        );
      });

      test('[R8] a page ends where the data of its events would be too long together, and has one at least', async () => {
        const store = await openStore('s');
        const content = 'x'.repeat(STORE_LIMITS.pageLength / 4);
        for (const [index, times] of [1, 1, 1, 1, 5, 1].entries()) {
          const message = { content: content.repeat(times), fingerprint: '' };
          await store.appendMessage(newMessage('s', `m${index}`, message));
        }
        const seqsOf = async (where: { after?: number; before?: number }) =>
          (await store.readSession('s', { ...where, limit: 9 }))?.events.map(({ seq }) => seq);
        // Four are a little more than a page, by what stands around the content.
        expect(await seqsOf({ after: 0 })).toEqual([1, 2, 3]);
        expect(await seqsOf({ after: 3 })).toEqual([4]);
        expect(await seqsOf({ after: 4 })).toEqual([5]);
        expect(await seqsOf({ before: 6 })).toEqual([5]);
        expect(await seqsOf({ before: 5 })).toEqual([2, 3, 4]);
        // What stands around the data does not count: the same place in every store.
        const bare = STORE_LIMITS.pageLength / 500;
        const around = JSON.stringify(newMessage('s', 'n', { content: '' }).event.data).length;
        for (let n = 0; n < 501; n += 1) {
          const short = { content: 'y'.repeat(Math.floor(bare) - around), fingerprint: '' };
          await store.appendMessage(newMessage('s', `n${n}`, short));
        }
        const many = await store.readSession('s', { limit: 1_000 });
        expect(many?.texts.length).toBe(Math.floor(STORE_LIMITS.pageLength / Math.floor(bare)));
      });

      test('what was read can be changed without changing the log', async () => {
        const store = await openStore('s');
        const message = newMessage('s', 'm');
        await store.appendMessage(message);
        const read = await store.readSession('s', { limit: 1 });
        Object.assign(read?.session ?? {}, { title: 'changed' });
        Object.assign(read?.events[0]?.data ?? {}, { content: 'changed' });
        Object.assign(message.event.data, { content: 'changed' });
        expect(await store.readSession('s', { limit: 1 })).toMatchObject({
          session: { title: 'a title' },
          events: [{ data: { content: 'text of m' } }],
        });
      });

      test('[R7] what is read of a session names its runs that have not ended, in their order', async () => {
        const store = await openStore('s', 't');
        const messages = ['m3', 'm1', 'm2'].map((id) => newMessage('s', id));
        for (const message of [...messages, newMessage('t', 'm')])
          await store.appendMessage(message);
        const runs = messages.map(({ run, event }) => ({
          runId: run.runId,
          replyTo: event.message_id,
          agent: run.agent,
          attempt: 1,
        }));
        expect((await store.readSession('s', { limit: 1 }))?.runs).toEqual(runs);
        expect((await store.readSession('s', { after: 3, limit: 1 }))?.runs).toEqual(runs);
        await store.finishRun(newAnswer(messages[0] as AppendMessage));
        expect((await store.readSession('s', { limit: 9 }))?.runs).toEqual(runs.slice(1));
      });

      test('[R3] a message is known again whose id an answer that came later has as well', async () => {
        const all = await setUp('s');
        const asked = newMessage('s', 'm');
        await all.store.appendMessage(asked);
        // Whoever hears an answer knows its id before it is in the log.
        const same = newMessage('s', asked.run.answerId);
        expect(await all.store.appendMessage(same)).toMatchObject({ outcome: 'appended', seq: 2 });
        await all.store.finishRun(newAnswer(asked));
        await all.store.finishRun(newAnswer(same));
        const known = { outcome: 'duplicate', seq: 2, runId: same.run.runId };
        expect(await all.store.appendMessage(same)).toMatchObject(known);
        await all.store.clean({ maxEvents: 1, batch: 10 });
        expect(await (await restart(all)).appendMessage(same)).toMatchObject(known);
      });

      test('[R3] a repeated message_id gets the first outcome and writes nothing', async () => {
        const all = await setUp('s');
        const { store } = all;
        const first = newMessage('s', 'm', { at: START });
        const repeated = newMessage('s', 'm', { at: START + 60_000, title: 'other' });
        const again = { ...repeated, run: { ...repeated.run, runId: 'run-2', answerId: 'a-2' } };
        const duplicate: MessageOutcome = {
          outcome: 'duplicate',
          seq: 1,
          runId: first.run.runId,
          timestamp: first.event.timestamp,
        };
        const outcomes = await Promise.all([
          store.appendMessage(first),
          store.appendMessage(again),
          store.appendMessage(newMessage('s', 'm2')),
          store.appendMessage(again),
        ]);
        expect(outcomes).toEqual([
          { outcome: 'appended', seq: 1, node: 'one', before: null, titled: 2 },
          duplicate,
          {
            outcome: 'appended',
            seq: 2,
            node: 'one',
            before: { runId: 'run-s-m', attempt: 1 },
            titled: null,
          },
          duplicate,
        ]);
        await store.finishRun(newAnswer(first));
        const after = await restart(all);
        expect(await after.appendMessage(again)).toEqual(duplicate);
        expect(await after.getSession('s')).toMatchObject({ lastSeq: 3, lastActivity: START });
        expect((await after.unfinishedRuns()).map(({ replyTo }) => replyTo)).toEqual(['m2']);
      });

      test('[R3] a repeated message_id with another body is a conflict', async () => {
        const all = await setUp('s', 't');
        const { store } = all;
        await store.appendMessage(newMessage('s', 'm'));
        const other = newMessage('s', 'm', { content: 'another body' });
        expect(await store.appendMessage(other)).toEqual({ outcome: 'conflict' });
        expect(await (await restart(all)).appendMessage(other)).toEqual({ outcome: 'conflict' });
      });

      test('[R3] the same message_id in another session is another message', async () => {
        const store = await openStore('s', 't');
        await store.appendMessage(newMessage('s', 'm'));
        const there = newMessage('t', 'm', { content: 'another body' });
        expect(await store.appendMessage(there)).toEqual({
          outcome: 'appended',
          seq: 1,
          node: 'one',
          before: null,
          titled: 2,
        });
      });

      test('[R3] the message_id of an answer or a tool call is taken, too', async () => {
        const store = await openStore('s');
        const message = newMessage('s', 'm');
        await store.appendMessage(message);
        await store.appendRunEvent(newToolCall(message, 'tool'));
        await store.finishRun(newAnswer(message));
        for (const id of ['tool', message.run.answerId]) {
          expect(await store.appendMessage(newMessage('s', id))).toEqual({ outcome: 'conflict' });
        }
      });

      test('[R8] no more runs of a session or of a sender than there may be, and a repetition all the same', async () => {
        const store = await openStore('s', 't');
        for (const id of ['s', 't']) await store.addMember(id, 'ben', 'write', 0);
        const most = { ofSession: 2, ofSender: 3 };
        const first = newMessage('s', 'm1', { most });
        const append = async (message: AppendMessage) => {
          const repeated = await store.repeatMessage(message);
          const { outcome } = await store.appendMessage(message);
          expect(repeated.outcome).toBe(outcome === 'appended' ? 'new' : outcome);
          return repeated.outcome === 'full' ? repeated.of : outcome;
        };
        expect(await append(first)).toBe('appended');
        expect(await append(newMessage('s', 'm2', { most }))).toBe('appended');
        expect(await append(newMessage('s', 'm3', { most }))).toBe('ofSession');
        expect(await append(newMessage('s', 'm3', { most, sender: 'ben' }))).toBe('ofSession');
        expect(await append(newMessage('t', 'm1', { most }))).toBe('appended');
        expect(await append(newMessage('t', 'm2', { most }))).toBe('ofSender');
        expect(await append(newMessage('t', 'm2', { most, sender: 'ben' }))).toBe('appended');
        expect(await append(first)).toBe('duplicate');
        expect(await store.repeatMessage(newMessage('none', 'm', { most }))).toEqual({
          outcome: 'full',
          of: 'ofSender',
        });
        expect(await append(newMessage('none', 'm', { most, sender: 'eve' }))).toBe(
          'session_not_found',
        );
        await store.finishRun(newAnswer(first));
        expect(await append(newMessage('s', 'm3', { most }))).toBe('appended');
        expect(await append(newMessage('s', 'm4', { sender: 'ben' }))).toBe('appended');
      });

      test('a message to no session is not appended', async () => {
        const store = await openStore('s');
        const outcome = await store.appendMessage(newMessage('none', 'm'));
        expect(outcome).toEqual({ outcome: 'session_not_found' });
        expect(await store.unfinishedRuns()).toEqual([]);
      });

      test('a message of who may not write in the session, or not any more, is not appended', async () => {
        const store = await openStore('s');
        await store.addMember('s', 'ben', 'write', 0);
        await store.addMember('s', 'zoe', 'read', 0);
        const most = { ofSession: 1 };
        const outcomes = async (id: string, sender: string, asAdmin = false) => {
          const message = newMessage('s', id, { sender, asAdmin, most });
          const repeated = await store.repeatMessage(message);
          return [repeated.outcome, (await store.appendMessage(message)).outcome];
        };
        const refused = ['session_not_found', 'session_not_found'];
        for (const sender of ['zoe', 'eve', '__proto__', 'constructor'])
          expect(await outcomes('m1', sender)).toEqual(refused);
        expect(await outcomes('m1', 'ben')).toEqual(['new', 'appended']);
        await store.removeMember(identityOf('s'), 'ben');
        // Neither what is new is taken nor is it said what is known, or how full it is.
        for (const id of ['m1', 'm2']) expect(await outcomes(id, 'ben')).toEqual(refused);
        expect(await outcomes('m2', 'eve', true)).toEqual(['full', 'full']);
        expect(await outcomes('m1', 'ann')).toEqual(['duplicate', 'duplicate']);
        expect((await store.getSession('s'))?.lastSeq).toBe(1);
      });

      test('calls resolve in the order in which they were made', async () => {
        const store = await openStore('s');
        const order: number[] = [];
        const messages = Array.from({ length: 100 }, (_, index) => newMessage('s', `m${index}`));
        await Promise.all(
          messages.flatMap((message, index) => [
            store.appendMessage(message).then(() => order.push(4 * index)),
            store.appendRunEvent(newToolCall(message, 't')).then(() => order.push(4 * index + 1)),
            store.finishRun(newAnswer(message)).then(() => order.push(4 * index + 2)),
            store.finishRun(newAnswer(message)).then(() => order.push(4 * index + 3)),
          ]),
        );
        expect(order).toEqual(order.map((_, index) => index));
      });

      test('[R9] a write that fails is refused alone, and nothing of it is written', async () => {
        const store = await openStore('s', 't');
        const first = newMessage('s', 'm');
        const sameRun = { ...newMessage('t', 'm'), run: first.run };
        const results = await Promise.allSettled([
          store.appendMessage(first),
          store.appendMessage(sameRun),
          store.appendMessage(newMessage('t', 'm2')),
        ]);
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(results[1]).toMatchObject({ reason: expect.any(StoreError) });
        expect(results[2]).toMatchObject({ value: { outcome: 'appended', seq: 1 } });
        expect((await readAll(store, 't')).map((event) => event.message_id)).toEqual(['m2']);
        const repaired = newMessage('t', 'm');
        expect(await store.appendMessage(repaired)).toEqual({
          outcome: 'appended',
          seq: 2,
          node: 'one',
          before: { runId: 'run-t-m2', attempt: 1 },
          titled: null,
        });
      });

      test('[R7] any text comes back as it was', async () => {
        const all = await setUp('s');
        const texts = [
          '👩‍👩‍👧‍👦 🏴‍☠️ zero\u200dwidth',
          'before\u0000after',
          '\ud800 lone surrogates \udc00',
          '"quotes" \'and\' \\ back \u2028 \u2029',
          '𝒜'.repeat(10_000),
          'مرحبا שלום',
          '__proto__',
          'two\nlines\r\nand a third',
          '',
        ];
        for (const [index, content] of texts.entries()) {
          await turn(
            all.store,
            newMessage('s', `m${index}`, { content, fingerprint: '' }),
            content,
          );
        }
        await all.store.updateSession(identityOf('s'), { title: 'cut \ud83d' });
        const after = await restart(all);
        const contents = (await readAll(after, 's')).map(({ data }) =>
          'content' in data ? data.content : undefined,
        );
        expect(contents).toEqual(texts.flatMap((text) => [text, text]));
        expect((await after.getSession('s'))?.title).toBe('cut \ufffd');
      });
    });

    describe('reading', () => {
      test('[R6] after and before give the events next to them, oldest first', async () => {
        const store = await openStore('s');
        for (let index = 1; index <= 10; index += 1) {
          await store.appendMessage(newMessage('s', `m${index}`));
        }
        const seqs = async (read: { after?: number; before?: number; limit: number }) =>
          (await store.readSession('s', read))?.events.map(({ seq }) => seq);
        expect(await seqs({ limit: 3 })).toEqual([8, 9, 10]);
        expect(await seqs({ before: 8, limit: 3 })).toEqual([5, 6, 7]);
        expect(await seqs({ before: 2, limit: 3 })).toEqual([1]);
        expect(await seqs({ before: 1, limit: 3 })).toEqual([]);
        expect(await seqs({ after: 0, limit: 3 })).toEqual([1, 2, 3]);
        expect(await seqs({ after: 8, limit: 3 })).toEqual([9, 10]);
        expect(await seqs({ after: 10, limit: 3 })).toEqual([]);
      });

      test('[R6] a page and its session are of one moment', async () => {
        const store = await openStore('s');
        const writes = Array.from({ length: 200 }, (_, index) =>
          store.appendMessage(newMessage('s', `m${index}`)),
        );
        for (const write of writes) {
          const { outcome } = await write;
          expect(outcome).toBe('appended');
          const page = await store.readSession('s', { limit: 1 });
          expect(page?.events.at(-1)?.seq).toBe(page?.session.lastSeq);
        }
      });

      test('several events with one message_id: the newest is found', async () => {
        const store = await openStore('s');
        const message = newMessage('s', 'm');
        await store.appendMessage(message);
        await store.appendRunEvent(newToolCall(message, 'same'));
        await store.appendRunEvent(newToolCall(message, 'same'));
        expect((await store.getEvent(identityOf('s'), 'same'))?.seq).toBe(3);
      });
    });

    describe('search', () => {
      async function find(store: Store, text: string, owner = 'ann'): Promise<string[]> {
        const hits = await store.search({ person: owner, text, limit: 50 });
        return hits.map(({ messageId }) => messageId);
      }

      test('every word, the last one as a prefix, in any order', async () => {
        const store = await openStore('s');
        await store.appendMessage(newMessage('s', 'm1', { content: 'The quick brown fox' }));
        await store.appendMessage(newMessage('s', 'm2', { content: 'A brown bear, quickly!' }));
        expect(await find(store, 'brown')).toEqual(['m2', 'm1']);
        expect(await find(store, 'brown quick')).toEqual(['m2', 'm1']);
        expect(await find(store, 'quick brown')).toEqual(['m1']);
        expect(await find(store, 'quick br')).toEqual(['m1']);
        expect(await find(store, 'bro')).toEqual(['m2', 'm1']);
        expect(await find(store, 'bro fox')).toEqual([]);
        expect(await find(store, 'rown')).toEqual([]);
      });

      test('case and diacritics do not matter', async () => {
        const store = await openStore('s');
        const texts = [
          'Crème BRÛLÉE',
          'Łódź und Straße',
          'ΟΔΟΣ',
          'München',
          'e\u0301te\u0301 noir',
        ];
        for (const [index, content] of texts.entries()) {
          await store.appendMessage(newMessage('s', `m${index}`, { content }));
        }
        expect(await find(store, 'creme brulee')).toEqual(['m0']);
        expect(await find(store, 'CRÈME')).toEqual(['m0']);
        expect(await find(store, 'straß')).toEqual(['m1']);
        expect(await find(store, 'οδος')).toEqual(['m2']);
        expect(await find(store, 'mu\u0308nchen')).toEqual(['m3']);
        expect(await find(store, 'ÉTÉ noir')).toEqual(['m4']);
      });

      test('messages and answers, newest first, with all that a hit shows', async () => {
        const all = await setUp('s', 't');
        const message = newMessage('s', 'm1', { content: 'where is the station' });
        await turn(all.store, message, 'the station is there');
        await all.store.appendMessage(newMessage('t', 'm2', { content: 'station again' }));
        const store = await restart(all);
        const hits = await store.search({ person: 'ann', text: 'station', limit: 10 });
        expect(hits.map(({ messageId }) => messageId)).toEqual(['m2', 'answer-s-m1', 'm1']);
        expect(hits[1]).toEqual({
          sessionId: 's',
          title: 'a title',
          messageId: 'answer-s-m1',
          seq: 2,
          role: 'assistant',
          timestamp: message.event.timestamp,
          snippet: 'the station is there',
        });
        expect(hits[2]).toMatchObject({ role: 'user', seq: 1 });
        const one = await store.search({ person: 'ann', text: 'station', limit: 1 });
        expect(one).toEqual(hits.slice(0, 1));
      });

      test('tool calls and the sessions of others are not found', async () => {
        const store = await openStore('s');
        await store.createSession(newSession('b', { owner: 'bob' }));
        const message = newMessage('s', 'm');
        await store.appendMessage(message);
        await store.appendRunEvent(newToolCall(message, 't'));
        await store.appendMessage(newMessage('b', 'm2', { content: 'moon', sender: 'bob' }));
        expect(await find(store, 'moon')).toEqual([]);
        expect(await find(store, 'moon', 'bob')).toEqual(['m2']);
      });

      test('[R9] no text breaks the search', async () => {
        const store = await openStore('s');
        await store.appendMessage(newMessage('s', 'm', { content: 'NEAR or far AND wide' }));
        const nothing = [
          '',
          ' ',
          '*',
          '"',
          '""',
          '😀',
          '\u0000',
          '\ud800',
          '^',
          '-',
          '( )',
          '\u0301',
        ];
        for (const text of nothing) expect(await find(store, text)).toEqual([]);
        const hostile = [
          '" OR NEAR(',
          'near AND wide',
          'NEAR(far wide, 5)',
          'content:far',
          'far*',
          '*far',
          '^far',
          'far"',
          '"far wide"',
          "far' OR 1=1 --",
          'far NOT wide',
          'far\u0000wide',
          'far\ud800wide',
          '{far} : wide + (near',
          'हिन्दी',
          'a'.repeat(10_000),
          '"('.repeat(5_000),
          'far '.repeat(2_500),
          Array.from({ length: 2_000 }, (_, index) => `w${index}`).join(' '),
        ];
        for (const text of hostile) {
          expect(await find(store, text), text.slice(0, 40)).toBeInstanceOf(Array);
        }
        expect(await find(store, '"far" wide)')).toEqual(['m']);
        expect(await find(store, 'far*')).toEqual(['m']);
        expect(await find(store, 'far '.repeat(2_500))).toEqual(['m']);
      });

      test('words on both sides of a NUL, an emoji or a lone surrogate are found', async () => {
        const store = await openStore('s');
        const content = 'one\u0000two😀three\ud800four';
        await store.appendMessage(newMessage('s', 'm', { content }));
        for (const word of ['one', 'two', 'three', 'four']) {
          expect(await find(store, word), word).toEqual(['m']);
        }
      });

      test('words of other scripts are found', async () => {
        const store = await openStore('s');
        const texts = [
          'मैं हिन्दी बोलता हूँ',
          'Привет, Ёлка',
          '한국어 문장',
          '東京 タワー',
          'שלום עולם',
        ];
        for (const [index, content] of texts.entries()) {
          await store.appendMessage(newMessage('s', `m${index}`, { content }));
        }
        for (const [index, word] of ['हिन्दी', 'привет', '한국', '東京', 'עולם'].entries()) {
          expect(await find(store, word), word).toEqual([`m${index}`]);
        }
      });

      test('a snippet has at most 200 characters around the first match', async () => {
        const store = await openStore('s');
        const content = `${'before '.repeat(100)}needle${' after'.repeat(100)}`;
        await store.appendMessage(newMessage('s', 'm1', { content }));
        await store.appendMessage(
          newMessage('s', 'm2', { content: `${'😀'.repeat(301)} needle ${'😀'.repeat(301)}` }),
        );
        await store.appendMessage(newMessage('s', 'm3', { content: `needle${' x'.repeat(200)}` }));
        const hits = await store.search({ person: 'ann', text: 'needl', limit: 10 });
        expect(hits).toHaveLength(3);
        for (const { snippet } of hits) {
          expect(snippet.length).toBeLessThanOrEqual(200);
          expect(snippet.length).toBeGreaterThan(190);
          expect(snippet).toContain('needle');
          expect(snippet.isWellFormed()).toBe(true);
        }
        expect(hits[0]?.snippet).toMatch(/^needle x.*…$/);
        expect(hits[2]?.snippet).toMatch(/^….*before needle after.*…$/);
      });

      test('many texts, so that an index has to keep up', async () => {
        const all = await setUp('s');
        const count = 5_000;
        await Promise.all(
          Array.from({ length: count }, (_, index) =>
            all.store.appendMessage(
              newMessage('s', `m${index}`, { content: `common w${index} m${index % 1_000}x` }),
            ),
          ),
        );
        const store = await restart(all);
        expect(await find(store, 'common')).toEqual(
          Array.from({ length: 50 }, (_, index) => `m${count - 1 - index}`),
        );
        expect(await find(store, 'm7x')).toEqual(['m4007', 'm3007', 'm2007', 'm1007', 'm7']);
        for (const index of [0, 1_500, 3_000, 4_999]) {
          expect(await find(store, `common w${index}`)).toContain(`m${index}`);
        }
        await store.deleteSession(identityOf('s'));
        expect(await find(store, 'common')).toEqual([]);
      });
    });

    describe('cleaning', () => {
      test('no policy takes nothing away', async () => {
        const store = await openStore('s');
        const cleaned = { expired: [], trimmed: [], more: false };
        expect(await store.clean({ batch: 10 })).toEqual(cleaned);
        expect(await store.getSession('s')).toBeDefined();
      });

      test('emptyBefore takes sessions without a message, by their last activity', async () => {
        const store = await openStore('empty', 'used');
        await store.createSession(newSession('new', { createdAt: START + 10 }));
        await turn(store, newMessage('used', 'm'));
        expect(await store.clean({ emptyBefore: START, batch: 10 })).toMatchObject({ expired: [] });
        const cleaned = await store.clean({ emptyBefore: START + 10, batch: 10 });
        expect(cleaned).toEqual({ expired: [identityOf('empty')], trimmed: [], more: false });
        expect(await store.getSession('empty')).toBeUndefined();
      });

      test('idleBefore takes idle sessions with everything in them, never one with a run', async () => {
        const all = await setUp('idle', 'running');
        const { store } = all;
        await store.createSession(newSession('active'));
        await turn(store, newMessage('idle', 'm', { content: 'forget me' }));
        await turn(store, newMessage('active', 'm', { at: START + 10 }));
        await store.appendMessage(newMessage('running', 'm'));
        const cleaned = await store.clean({ idleBefore: START + 10, batch: 10 });
        expect(cleaned).toEqual({ expired: [identityOf('idle')], trimmed: [], more: false });
        const after = await restart(all);
        expect(await after.search({ person: 'ann', text: 'forget', limit: 1 })).toEqual([]);
        const { total } = await after.listSessions({ person: 'ann', limit: 1 });
        expect(total).toBe(2);
        await after.finishRun(newAnswer(newMessage('running', 'm')));
        const again = await after.clean({ idleBefore: START + 10, batch: 10 });
        expect(again.expired).toEqual([identityOf('running')]);
      });

      test('maxSessions keeps the most recently active of each owner', async () => {
        const store = await openStore();
        for (const [index, id] of ['a', 'b', 'c', 'd'].entries()) {
          await store.createSession(newSession(id, { createdAt: START + index }));
        }
        await store.createSession(newSession('z', { owner: 'bob', createdAt: START - 5 }));
        await turn(store, newMessage('a', 'm', { at: START + 100 }));
        const cleaned = await store.clean({ maxSessions: 2, batch: 10 });
        expect(cleaned).toEqual({
          expired: [identityOf('b'), identityOf('c')],
          trimmed: [],
          more: false,
        });
      });

      test('[R1] maxEvents takes the oldest events away, and seq goes on counting', async () => {
        const all = await setUp('s', 'short', 'running');
        for (let index = 1; index <= 5; index += 1) {
          await turn(all.store, newMessage('s', `m${index}`, { content: `word${index}` }));
          await all.store.appendMessage(newMessage('running', `m${index}`));
        }
        await turn(all.store, newMessage('short', 'm'));
        const cleaned = await all.store.clean({ maxEvents: 3, batch: 10 });
        expect(cleaned).toEqual({ expired: [], trimmed: ['s'], more: false });
        const store = await restart(all);
        expect(await store.getSession('s')).toMatchObject({
          firstSeq: 8,
          lastSeq: 10,
          messageCount: 10,
        });
        const seqs = async (read: { after?: number; before?: number }) =>
          (await store.readSession('s', { ...read, limit: 10 }))?.events.map(({ seq }) => seq);
        expect(await seqs({})).toEqual([8, 9, 10]);
        expect(await seqs({ after: 2 })).toEqual([8, 9, 10]);
        const few = await store.readSession('s', { after: 0, limit: 2 });
        expect(few?.events.map(({ seq }) => seq)).toEqual([8, 9]);
        expect(await seqs({ before: 8 })).toEqual([]);
        expect(await store.getEvent(identityOf('s'), 'm1')).toBeUndefined();
        expect(await store.search({ person: 'ann', text: 'word1', limit: 1 })).toEqual([]);
        expect(await store.search({ person: 'ann', text: 'word5', limit: 1 })).toHaveLength(1);
        const next = await store.appendMessage(newMessage('s', 'm6'));
        expect(next).toEqual({
          outcome: 'appended',
          seq: 11,
          node: 'one',
          before: null,
          titled: null,
        });
      });

      test('[R3] a message is recognised after it was trimmed', async () => {
        const all = await setUp('s');
        const first = newMessage('s', 'm1');
        await turn(all.store, first);
        await turn(all.store, newMessage('s', 'm2'));
        await all.store.clean({ maxEvents: 0, batch: 10 });
        const store = await restart(all);
        expect(await store.getSession('s')).toMatchObject({ firstSeq: 5, lastSeq: 4 });
        expect(await store.appendMessage(first)).toEqual({
          outcome: 'duplicate',
          seq: 1,
          runId: first.run.runId,
          timestamp: first.event.timestamp,
        });
        const other = newMessage('s', 'm1', { content: 'another body' });
        expect(await store.appendMessage(other)).toEqual({ outcome: 'conflict' });
        expect(await store.repeatMessage(first)).toMatchObject({ outcome: 'duplicate', seq: 1 });
        expect(await store.repeatMessage(other)).toEqual({ outcome: 'conflict' });
        expect(await store.repeatMessage(newMessage('s', 'm3'))).toEqual({ outcome: 'new' });
        expect(await store.repeatMessage(newMessage('t', 'm1'))).toEqual({
          outcome: 'session_not_found',
        });
        const again = newMessage('s', first.run.answerId);
        expect(await store.repeatMessage(again)).toEqual({ outcome: 'new' });
        expect(await store.appendMessage(again)).toEqual({
          outcome: 'appended',
          seq: 5,
          node: 'one',
          before: null,
          titled: null,
        });
      });

      test('[R8] one call cleans a batch, the longest idle first, and says whether there is more', async () => {
        const store = await openStore();
        for (const [index, id] of ['a', 'b', 'c'].entries()) {
          await store.createSession(newSession(id, { createdAt: START + index }));
        }
        for (const id of ['d', 'e']) {
          await store.createSession(newSession(id));
          await turn(store, newMessage(id, 'm', { at: START + 100 }));
        }
        const policy = { emptyBefore: START + 50, maxEvents: 1, batch: 2 };
        expect(await store.clean(policy)).toEqual({
          expired: [identityOf('a'), identityOf('b')],
          trimmed: [],
          more: true,
        });
        expect(await store.clean(policy)).toEqual({
          expired: [identityOf('c')],
          trimmed: ['d'],
          more: true,
        });
        expect(await store.clean(policy)).toEqual({ expired: [], trimmed: ['e'], more: false });
        expect(await store.clean(policy)).toEqual({ expired: [], trimmed: [], more: false });
      });
    });

    describe('closing', () => {
      test('[R2] close waits for what was called before and may be called twice', async () => {
        const all = await setUp('s');
        const writes = Array.from({ length: 500 }, (_, index) =>
          all.store.appendMessage(newMessage('s', `m${index}`)),
        );
        const read = all.store.getSession('s');
        await Promise.all([all.store.close(), all.store.close()]);
        const outcomes = await Promise.all(writes);
        expect(outcomes.at(-1)).toMatchObject({ outcome: 'appended', seq: 500 });
        expect(await read).toMatchObject({ id: 's' });
        if (!all.reopen) return;
        expect(await (await restart(all)).getSession('s')).toMatchObject({ lastSeq: 500 });
      });

      test('a closed store rejects every call', async () => {
        const store = await openStore('s');
        await store.close();
        await expect(store.appendMessage(newMessage('s', 'm'))).rejects.toThrow(StoreError);
        await expect(store.getSession('s')).rejects.toThrow('The store is closed.');
      });
    });
  });
}
