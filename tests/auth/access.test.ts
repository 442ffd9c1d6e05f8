/** What somebody may do in a session, invited or not; matrix.test.ts has who may do nothing. */
import type { ServerMessage } from '@parley/protocol';
import { describe, expect, test, vi } from 'vitest';
import { Invitations } from '../../packages/gateway/src/auth/invitations.ts';
import { Signer } from '../../packages/gateway/src/auth/signing.ts';
import { echoAgent, type GatewayOptions } from '../../packages/gateway/src/index.ts';
import type { Hub } from '../../packages/gateway/src/sessions/hub.ts';
import { Members } from '../../packages/gateway/src/sessions/members.ts';
import { SessionRecords } from '../../packages/gateway/src/sessions/session-records.ts';
import { MemoryStore } from '../../packages/gateway/src/stores/memory.ts';
import type { Store } from '../../packages/gateway/src/stores/store.ts';
import { newSession } from '../contract/store-records.ts';
import { startComposed } from '../helpers/composed.ts';
import { gated } from '../helpers/gated-store.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { View } from '../helpers/view.ts';
import { bearer, connectAs, type Guarded, startGuarded } from './people.ts';

const KEY = 'k'.repeat(32);

interface House extends Guarded {
  /** Her connection, in that session. */
  readonly alice: TestSocket;
  /** Of alice's. */
  readonly sessionId: string;
  /** The answer to a request of somebody's. */
  ask(
    who: string,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; text: string }>;
  invite(access: 'read' | 'write'): Promise<string>;
}

async function house(options: GatewayOptions = {}): Promise<House> {
  const guarded = await startGuarded(['alice', 'bob', 'carol', 'root'], {
    ...options,
    admins: ['root'],
    signingKeys: [KEY],
  });
  const { http, ws, tokens } = guarded;
  const alice = await connectAs(ws, tokens.alice ?? '');
  const sessionId = await alice.create({ title: 'of alice' });
  await alice.ask('herring', { message_id: 'm-1' });
  const ask: House['ask'] = async (who, method, path, body) => {
    const { headers } = bearer(tokens[who] ?? '');
    const response = await fetch(`${http}${path}`, {
      method,
      headers: { ...headers, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  const invite = async (access: 'read' | 'write') => {
    const { text } = await ask('alice', 'POST', `/api/sessions/${sessionId}/invitations`, {
      access,
    });
    return JSON.parse(text).data.invitation as string;
  };
  return { ...guarded, alice, sessionId, ask, invite };
}

/** What takes people in and out, beside a server that has them connected. */
const membersIn = (store: Store, hub: Hub) =>
  new Members({ store, hub }, new SessionRecords(store, hub));

/** Of each message that somebody who may only read may not send, what makes it a good one. */
const WRITING: Readonly<Record<string, object>> = {
  chat_message: { content: 'x' },
  typing: { is_typing: true },
  session_update: { title: 'mine now' },
  run_cancel: {},
  approval_response: { approval_id: 'a', approved: true },
};

describe('a session of somebody else is not seen', () => {
  test('in lists, searches and what is told of changes', async () => {
    const { ws, tokens, ask, sessionId } = await house();
    const bob = await connectAs(ws, tokens.bob ?? '');
    bob.send({ type: 'sessions_watch', message_id: 'w' });
    await bob.next('message_ack');
    await ask('alice', 'PATCH', `/api/sessions/${sessionId}`, { title: 'another' });
    const { text } = await ask('bob', 'GET', '/api/sessions');
    expect(JSON.parse(text).data.total).toBe(0);
    expect((await ask('bob', 'GET', '/api/search?q=herring')).text).toContain('"hits":[]');
    // Of one's own one is told, so what is not told of the other has not been on its way.
    await bob.create({ title: 'of bob' });
    await bob.find((message) => message.type === 'session_status' && !message.reply_to);
    expect(JSON.stringify(bob.received)).not.toContain(sessionId);
  });

  test('for a session_create and a chat over HTTP that name it', async () => {
    const { ws, tokens, ask, sessionId } = await house();
    const bob = await connectAs(ws, tokens.bob ?? '');
    bob.send({ type: 'session_create', message_id: 'c', session_id: sessionId, data: {} });
    expect((await bob.next('error')).data.code).toBe('SESSION_NOT_FOUND');
    const { status } = await ask('bob', 'POST', '/api/chat', {
      message: 'x',
      session_id: sessionId,
    });
    expect(status).toBe(404);
  });
});

describe('who was invited', () => {
  test('to read sees everything, and may do nothing', async () => {
    const { ws, tokens, ask, sessionId, invite } = await house();
    const invitation = await invite('read');
    const accepted = await ask('bob', 'POST', '/api/invitations', { invitation });
    expect(JSON.parse(accepted.text).data).toEqual({ session_id: sessionId });
    const bob = await connectAs(ws, tokens.bob ?? '');
    bob.send({ type: 'session_join', session_id: sessionId });
    expect((await bob.next('session_status')).data.history).toHaveLength(2);
    for (const [type, data] of Object.entries(WRITING)) {
      bob.send({ type, message_id: type, session_id: sessionId, data });
      const answer = await bob.find((message) => message.type === 'error');
      expect([type, answer.data]).toEqual([type, expect.objectContaining({ code: 'FORBIDDEN' })]);
    }
    const path = `/api/sessions/${sessionId}`;
    expect((await ask('bob', 'GET', path)).status).toBe(200);
    expect((await ask('bob', 'GET', `${path}/export?format=json`)).status).toBe(200);
    expect((await ask('bob', 'GET', '/api/search?q=herring')).text).toContain(sessionId);
    for (const [method, more, body] of [
      ['PATCH', '', { title: 'x' }],
      ['DELETE', '', undefined],
      ['POST', '/invitations', {}],
      ['DELETE', '/invitations', undefined],
      ['DELETE', '/members/carol', undefined],
    ] as const) {
      expect([method, (await ask('bob', method, path + more, body)).status]).toEqual([method, 403]);
    }
  });

  test('[R7] to write sees the same as the owner, under their own name, and manages nothing', async () => {
    const { ws, tokens, ask, sessionId, invite } = await house();
    await ask('bob', 'POST', '/api/invitations', { invitation: await invite('write') });
    const headers = (who: string) => ({ ...bearer(tokens[who] ?? ''), sender: who });
    const alice = new View(ws, sessionId, headers('alice'));
    const bob = new View(ws, sessionId, headers('bob'));
    await alice.join();
    await bob.join();
    bob.say('m-2', 'of bob');
    await alice.ended(2);
    await bob.ended(2);
    expect(alice.log()).toEqual(bob.log());
    expect(JSON.stringify(alice.log())).toContain('"sender":"bob"');
    expect((await ask('bob', 'DELETE', `/api/sessions/${sessionId}`)).status).toBe(403);
  });

  test('is told of the session in their list, and not any more when taken out', async () => {
    const { ws, tokens, ask, sessionId, invite } = await house();
    const bob = await connectAs(ws, tokens.bob ?? '');
    bob.send({ type: 'sessions_watch', message_id: 'w' });
    await bob.next('message_ack');
    await ask('bob', 'POST', '/api/invitations', { invitation: await invite('read') });
    const told = await bob.next('session_status');
    expect(told.data).toMatchObject({ session_id: sessionId, status: 'active' });
    bob.send({ type: 'session_join', message_id: 'j', session_id: sessionId });
    await bob.find(({ reply_to }) => reply_to === 'j');
    const members = await ask('bob', 'GET', `/api/sessions/${sessionId}/members`);
    expect(JSON.parse(members.text).data).toEqual({
      owner: 'alice',
      members: [{ id: 'bob', access: 'read' }],
    });
    await ask('alice', 'DELETE', `/api/sessions/${sessionId}/members/bob`);
    const end = await bob.find(
      (message) => message.type === 'session_status' && message.data.status === 'deleted',
    );
    expect(end.session_id).toBe(sessionId);
    bob.send({ type: 'session_join', session_id: sessionId });
    expect((await bob.next('error')).data.code).toBe('SESSION_NOT_FOUND');
  });

  test('may leave; and an invitation makes nobody less than they are', async () => {
    const { ask, sessionId, invite } = await house();
    const members = async () =>
      JSON.parse((await ask('alice', 'GET', `/api/sessions/${sessionId}/members`)).text).data
        .members;
    for (const access of ['write', 'read'] as const) {
      await ask('bob', 'POST', '/api/invitations', { invitation: await invite(access) });
    }
    await ask('alice', 'POST', '/api/invitations', { invitation: await invite('read') });
    expect(await members()).toEqual([{ id: 'bob', access: 'write' }]);
    expect((await ask('bob', 'DELETE', `/api/sessions/${sessionId}/members/bob`)).status).toBe(200);
    expect(await members()).toEqual([]);
  });

  test('may be an administrator, for whom it is then a chat like any that they were invited to', async () => {
    const { ws, tokens, ask, sessionId, invite } = await house();
    const root = await connectAs(ws, tokens.root ?? '');
    const you = async () => {
      root.send({ type: 'session_join', session_id: sessionId });
      return (await root.find(({ type }) => type === 'session_status')).data;
    };
    expect(await you()).toMatchObject({ you: { access: 'manage', administrator: true } });
    await ask('root', 'POST', '/api/invitations', { invitation: await invite('read') });
    const members = await ask('alice', 'GET', `/api/sessions/${sessionId}/members`);
    expect(JSON.parse(members.text).data.members).toEqual([{ id: 'root', access: 'read' }]);
    const list = await ask('root', 'GET', '/api/sessions');
    expect(list.text).toContain(sessionId);
    await root.find(({ type }) => type === 'session_status');
    expect(await you()).toMatchObject({ you: { id: 'root', access: 'manage' } });
    expect(await you()).not.toHaveProperty('you.administrator');
  });

  test('and was taken out does not come back by what was given out before', async () => {
    const { ask, sessionId, invite } = await house();
    const accept = async (who: string, invitation: string) =>
      (await ask(who, 'POST', '/api/invitations', { invitation })).status;
    const old = await invite('write');
    expect(await accept('bob', old)).toBe(200);
    expect(await accept('carol', old)).toBe(200);
    expect((await ask('carol', 'DELETE', `/api/sessions/${sessionId}/members/carol`)).status).toBe(
      200,
    );
    // Who leaves may come back.
    expect(await accept('carol', old)).toBe(200);
    await ask('alice', 'DELETE', `/api/sessions/${sessionId}/members/bob`);
    expect(await accept('bob', old)).toBe(403);
    expect((await ask('bob', 'GET', `/api/sessions/${sessionId}`)).status).toBe(404);
    expect((await ask('carol', 'GET', `/api/sessions/${sessionId}`)).status).toBe(200);
    const another = await invite('read');
    expect((await ask('alice', 'DELETE', `/api/sessions/${sessionId}/invitations`)).status).toBe(
      200,
    );
    expect(await accept('bob', another)).toBe(403);
    expect(await accept('bob', await invite('read'))).toBe(200);
  });

  test('to a session that is no more is not invited to the next one of its id', async () => {
    const { ask } = await house();
    const path = '/api/sessions/team-plan';
    const say = (who: string) =>
      ask(who, 'POST', '/api/chat', { session_id: 'team-plan', message: `of ${who}` });
    expect((await say('bob')).status).toBe(200);
    const invited = await ask('bob', 'POST', `${path}/invitations`, { access: 'write' });
    const { invitation } = JSON.parse(invited.text).data;
    expect((await ask('bob', 'DELETE', path)).status).toBe(200);
    expect((await say('alice')).status).toBe(200);
    expect((await ask('bob', 'POST', '/api/invitations', { invitation })).status).toBe(403);
    expect((await ask('bob', 'GET', path)).status).toBe(404);
  });

  test('and was taken out hears no more of it, also of answers that were begun before', async () => {
    const { agent, next } = puppet();
    const guarded = await house({ agents: [echoAgent, agent] });
    const { alice, ws, tokens, ask, sessionId, invite } = guarded;
    const bob = await connectAs(ws, tokens.bob ?? '');
    bob.send({ type: 'sessions_watch', message_id: 'w' });
    await ask('bob', 'POST', '/api/invitations', { invitation: await invite('read') });
    await bob.next('session_status');
    alice.send({ type: 'sessions_watch', message_id: 'w' });
    const data = { content: 'slow', agent_name: agent.name };
    alice.send({ type: 'chat_message', message_id: 'm-2', session_id: sessionId, data });
    const run = await next();
    // From here on nobody is in it.
    alice.send({ type: 'session_leave', session_id: sessionId });
    await alice.settled();
    await ask('alice', 'DELETE', `/api/sessions/${sessionId}/members/bob`);
    await ask('alice', 'PATCH', `/api/sessions/${sessionId}`, { title: 'a secret' });
    await run.finish();
    const isTold = ({ type, data }: ServerMessage) =>
      type === 'session_status' && data.title === 'a secret' && data.last_seq === 4;
    await alice.find(isTold);
    // What he is told of his own comes with what he would be told of it, or after it.
    const own = await bob.create();
    await bob.find(({ type, session_id }) => type === 'session_status' && session_id === own);
    expect(JSON.stringify(bob.received)).not.toContain('secret');
  });

  test('and came in while they were being taken out is taken out of it, too', async () => {
    const gate = gated(new MemoryStore());
    const { hub } = await startComposed({ keptIn: gate.store });
    const members = membersIn(gate.store, hub);
    const { session } = await gate.store.createSession(newSession('s', { owner: 'alice' }));
    if (!session) throw new Error('It was not made.');
    gate.hold('withdrawInvitations');
    const expelled = members.expel({ id: 'alice' }, 's', 'bob');
    await gate.held(1);
    const record = await members.admit(
      { id: 'bob' },
      { sessionId: 's', access: 'read', invitationEpoch: 0, expiresAt: 2 ** 52 },
    );
    const ended = vi.fn();
    hub.subscribe(record, {
      person: 'bob',
      isShown: true,
      deliver: () => {},
      behind: () => {},
      ended,
    });
    gate.release();
    await expelled;
    expect(ended).toHaveBeenCalledWith('deleted');
  });

  test('and joins with what was read of it before is not let in', async () => {
    const store = new MemoryStore();
    const late = Promise.withResolvers<void>();
    const read = Promise.withResolvers<void>();
    let reads = 0;
    // What is read last before somebody is taken out arrives after that.
    const slow = new Proxy(store, {
      get: (target, name) => {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'getSession') return value.bind(target);
        return async (id: string) => {
          const found = await store.getSession(id);
          reads += 1;
          if (reads !== 2) return found;
          read.resolve();
          await late.promise;
          return found;
        };
      },
    });
    const authenticate = () => ({ id: 'bob' });
    const { ws, hub } = await startComposed({ keptIn: slow, authenticate });
    await store.createSession(newSession('s', { owner: 'alice' }));
    await store.addMember('s', 'bob', 'read', 0);
    const bob = await TestSocket.open(ws);
    bob.send({ type: 'session_join', session_id: 's' });
    await read.promise;
    const members = membersIn(store, hub);
    await members.expel({ id: 'alice' }, 's', 'bob');
    late.resolve();
    expect((await bob.next('error')).data.code).toBe('SESSION_NOT_FOUND');
    expect(hub.get('s')).toBeUndefined();
  });

  test('and was writing something in the place of their words in that moment has not written it', async () => {
    const gate = gated(new MemoryStore());
    const { store } = gate;
    const authenticate = () => ({ id: 'bob' });
    const { ws, hub } = await startComposed({ agents: [echoAgent], keptIn: store, authenticate });
    await store.createSession(newSession('s', { owner: 'alice', agent: 'echo' }));
    await store.addMember('s', 'bob', 'write', 0);
    const bob = await TestSocket.open(ws);
    bob.send({ type: 'session_join', session_id: 's' });
    await bob.next('session_status');
    await bob.ask('words', { message_id: 'm-1' });
    gate.hold('getEvent');
    const data = { content: 'other words', replaces: 'm-1' };
    bob.send({ type: 'chat_message', message_id: 'm-2', session_id: 's', data });
    await gate.held(1);
    const members = membersIn(store, hub);
    await members.expel({ id: 'alice' }, 's', 'bob');
    gate.release();
    expect((await bob.find(({ reply_to }) => reply_to === 'm-2')).type).toBe('error');
    expect((await store.getSession('s'))?.lastSeq).toBe(2);
  });

  test('nor by one that is being accepted in that moment', async () => {
    const gate = gated(new MemoryStore());
    const { hub } = await startComposed({ keptIn: gate.store });
    const members = membersIn(gate.store, hub);
    await gate.store.createSession(newSession('s', { owner: 'alice' }));
    const given = {
      sessionId: 's',
      access: 'write',
      invitationEpoch: 0,
      expiresAt: 2 ** 52,
    } as const;
    gate.hold('addMember');
    const accepted = members.admit({ id: 'bob' }, given);
    await gate.held(1);
    await members.expel({ id: 'alice' }, 's', 'bob');
    gate.release();
    await expect(accepted).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await gate.store.getSession('s'))?.members).toEqual({});
  });

  test('by an invitation that has expired, was changed or is for something else is not', async () => {
    const { ask, sessionId, invite } = await house();
    const good = await invite('read');
    const expired = new Invitations(new Signer([KEY])).issue({
      sessionId,
      access: 'write',
      invitationEpoch: 0,
      expiresAt: Date.now() - 1,
    });
    const forged = new Invitations(new Signer(['x'.repeat(32)])).issue({
      sessionId,
      access: 'write',
      invitationEpoch: 0,
      expiresAt: Date.now() + 60_000,
    });
    const [body = '', mac = ''] = good.split('.');
    const more = Buffer.from(body, 'base64url').toString().replace('"read"', '"write"');
    const changed = `${Buffer.from(more).toString('base64url')}.${mac}`;
    const ticket = JSON.parse((await ask('bob', 'POST', '/api/tickets')).text).data.ticket;
    for (const invitation of [expired, forged, changed, ticket, `${good}x`, '.', 'x']) {
      const { status, text } = await ask('bob', 'POST', '/api/invitations', { invitation });
      expect([status, text]).toEqual([
        403,
        expect.stringContaining('has expired, was withdrawn, or is none'),
      ]);
    }
    expect((await ask('bob', 'GET', `/api/sessions/${sessionId}`)).status).toBe(404);
  });
});
