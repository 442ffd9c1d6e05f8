/** `parley chat` in a terminal, at a real gateway, with others in the same session. */
import { expect, onTestFinished, test } from 'vitest';
import { chat } from '../../packages/gateway/src/cli/chat.ts';
import type { GatewayOptions } from '../../packages/gateway/src/index.ts';
import { startGateway } from '../helpers/gateway.ts';
import { startProxy } from '../helpers/proxy.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { Screen } from './screen.ts';

interface Called {
  readonly session?: string;
  readonly agent?: string;
}

/** A person at a terminal, once there is a prompt. */
async function sitDown(url: string, called: Called = {}, columns = 100) {
  const screen = new Screen(columns);
  const controller = new AbortController();
  const { input, output } = screen;
  const exit = chat({ url, input, output, signal: controller.signal, ...called });
  onTestFinished(async () => {
    controller.abort();
    await exit;
  });
  await screen.until(/^>/m);
  return { screen, exit };
}

/** A gateway with one agent that a test moves by hand. */
async function stage(options: GatewayOptions = {}) {
  const actor = puppet();
  const { http, ws } = await startGateway({ agents: [actor.agent], ...options });
  return { actor, http, ws };
}

/** Somebody else, in the session of the one who said `words`. */
async function join(ws: string, http: string, words: string) {
  const response = await fetch(`${http}/api/search?q=${encodeURIComponent(words)}`);
  const { data } = (await response.json()) as { data: { hits: { session_id: string }[] } };
  const id = data.hits[0]?.session_id ?? '';
  const socket = await TestSocket.open(ws);
  socket.send({ type: 'session_join', message_id: 'join', session_id: id });
  await socket.next('session_status');
  return { socket, id };
}

test('the first line says who answers where, how to stop and how to leave', async () => {
  const { http } = await startGateway();
  const { screen, exit } = await sitDown(http);
  expect(screen.text).toBe(`Asking guide at ${http}. Ctrl-C stops an answer, Ctrl-D leaves.\n>`);
  // Nothing was said, so there is nothing to come back to.
  screen.press('Ctrl-D');
  expect(await exit).toBe(0);
  expect(screen.text).not.toContain('Come back');
});

test('an answer goes above what is being typed, in rows that fit', async () => {
  const { actor, http } = await stage();
  const { screen } = await sitDown(http, {}, 40);
  screen.enter('a question');
  const run = await actor.next();
  await run.say('The answer to it ');
  screen.type('the next one, and it is longer than a row is');
  await screen.until('row is');
  await run.say('is longer than a ');
  await run.say('row, too.\nIt has two lines.');
  await run.finish();
  await screen.until('two lines.');
  expect(screen.text.split('\n').slice(2)).toEqual([
    '> a question',
    'The answer to it is longer than a row,',
    'too.',
    'It has two lines.',
    '> the next one, and it is longer than a',
    'row is',
  ]);
});

test('a line that is typed during an answer says that it waits, and is answered below itself', async () => {
  const { actor, http } = await stage();
  const { screen } = await sitDown(http);
  screen.enter('one');
  const first = await actor.next();
  await first.say('first ');
  await screen.until('first');
  screen.enter('two');
  await screen.until('“two” waits its turn, 1 before it.');
  await first.say('answer');
  await first.finish();
  const second = await actor.next();
  await second.say('second answer');
  await second.finish();
  await screen.until('second answer');
  expect(screen.text.split('\n').slice(1)).toEqual([
    '> one',
    'first',
    '> two',
    '“two” waits its turn, 1 before it.',
    '… answer',
    '> two',
    'second answer',
    '>',
  ]);
});

test('[R7] what others say, and the answers to it, are shown with who spoke', async () => {
  const { actor, http, ws } = await stage();
  const { screen, exit } = await sitDown(http);
  screen.enter('harbours');
  const first = await actor.next();
  await first.say('Bergen.');
  await first.finish();
  await screen.until('Bergen.');
  const { socket, id } = await join(ws, http, 'harbours');
  screen.type('half a li');
  await screen.until('> half a li');
  const content = 'And in Spain?\nOr Portugal?';
  socket.send({ type: 'chat_message', session_id: id, message_id: 'other', data: { content } });
  const second = await actor.next();
  await second.say('Vigo');
  await screen.until('Vigo');
  await second.say(', Porto.');
  await second.finish();
  await socket.next('agent_response');
  await screen.until('Porto.');
  expect(screen.text.split('\n').slice(1)).toEqual([
    '> harbours',
    'Bergen.',
    'local: And in Spain?',
    'Or Portugal?',
    'puppet: Vigo, Porto.',
    '> half a li',
  ]);
  screen.enter('ne');
  const third = await actor.next();
  expect(third.input.message).toBe('half a line');
  await third.say('Half');
  await screen.until(/Half$/m);
  screen.press('Ctrl-C');
  await screen.until('Stopped.');
  screen.press('Ctrl-D');
  expect(await exit).toBe(0);
  expect(screen.text).toMatch(new RegExp(`Come back with: parley chat --session ${id}$`));
});

test('[R7] a session that is gone on with tells how its answers ended, as it was told live', async () => {
  const { actor, http, ws } = await stage();
  const socket = await TestSocket.open(ws);
  const session_id = 'known';
  socket.send({ type: 'session_create', message_id: 'c', session_id });
  const ask = (message_id: string, content: string) =>
    socket.send({ type: 'chat_message', message_id, session_id, data: { content } });
  ask('one', 'Stop me');
  const stopped = await actor.next();
  await stopped.say('Half a');
  socket.send({ type: 'run_cancel', message_id: 'stop', session_id, data: {} });
  await socket.next('agent_response');
  ask('two', 'Fail');
  await (await actor.next()).fail(new Error('out of ink'));
  await socket.next('agent_response');
  ask('three', 'Go on');
  const running = await actor.next();
  await running.say('Going');
  const { screen } = await sitDown(http, { session: session_id });
  await screen.until('Going');
  expect(screen.text.split('\n').slice(1)).toEqual([
    'Stop me',
    'local: Stop me',
    'puppet: Half a',
    'Stopped.',
    'local: Fail',
    'puppet:',
    'The agent puppet failed: out of ink',
    'local: Go on',
    'puppet: Going',
    '>',
  ]);
});

test('an answer whose question was asked anew is taken back', async () => {
  const { actor, http, ws } = await stage();
  const socket = await TestSocket.open(ws);
  const session_id = 'known';
  socket.send({ type: 'session_create', message_id: 'c', session_id });
  const { screen } = await sitDown(http, { session: session_id });
  const ask = (message_id: string, data: { content: string; replaces?: string }) =>
    socket.send({ type: 'chat_message', message_id, session_id, data });
  ask('one', { content: 'Teh weather' });
  await (await actor.next()).say('Teh is');
  await screen.until('Teh is');
  ask('two', { content: 'The weather', replaces: 'one' });
  const run = await actor.next();
  await run.say('Rain.');
  await run.finish();
  await screen.until('Rain.');
  expect(screen.text.split('\n').slice(1)).toEqual([
    'local: Teh weather',
    'puppet: Teh is',
    'local (instead of what was asked before): The weather',
    'What was asked was taken back, and its answer with it.',
    'puppet: Rain.',
    '>',
  ]);
});

test('whether a tool may be used is asked until the answer is yes or no', async () => {
  const actor = puppet({ tools: ['book'] });
  const { http } = await startGateway({ agents: [actor.agent] });
  const { screen } = await sitDown(http);
  screen.enter('a berth');
  const run = await actor.next();
  screen.type('what else');
  await screen.until('> what else');
  const decided = run.context.approve({ tool: 'book', arguments: { at: 'Bergen' } });
  await screen.until('Allow it? (y/n)');
  expect(screen.text).not.toContain('what else');
  screen.enter('maybe');
  await screen.until('Please answer y or n.\nAllow it? (y/n)');
  screen.enter('Yes');
  expect(await decided).toEqual({ approved: true });
  await screen.until('Allowed.\n> what else');
  expect(screen.text.split('\n').slice(1)).toEqual([
    '> a berth',
    'The agent asks to use book {"at":"Bergen"}',
    'Allow it? (y/n) maybe',
    'Please answer y or n.',
    'Allow it? (y/n) Yes',
    'Allowed.',
    '> what else',
  ]);
});

test('what somebody else decides is told, and asked no more', async () => {
  const { actor, http, ws } = await stage();
  const { screen } = await sitDown(http);
  screen.enter('harbours');
  const run = await actor.next();
  const { socket, id } = await join(ws, http, 'harbours');
  const decided = run.context.approve({ tool: 'book', arguments: [] });
  const { data } = await socket.next('approval_request');
  await screen.until('Allow it?');
  socket.send({
    type: 'approval_response',
    session_id: id,
    data: { approval_id: data.approval_id, approved: false, reason: 'too dear' },
  });
  expect(await decided).toEqual({ approved: false, reason: 'too dear' });
  await screen.until(/Denied: too dear\.\n>$/);
});

test('Ctrl-C stops an answer and, where there is none, leaves at the second time', async () => {
  const { actor, http } = await stage();
  const { screen, exit } = await sitDown(http);
  screen.enter('a question');
  const run = await actor.next();
  await run.say('Half');
  await screen.until('Half');
  screen.press('Ctrl-C');
  await run.aborted;
  await screen.until('Half\nStopped.');
  screen.press('Ctrl-C');
  await screen.until('Press Ctrl-C again, or Ctrl-D, to leave.');
  screen.press('Ctrl-C');
  expect(await exit).toBe(0);
});

test('[R3] what is typed without a connection waits to be sent, and is', async () => {
  const { actor, http } = await stage();
  const proxy = await startProxy(Number(new URL(http).port));
  const { screen } = await sitDown(`http://127.0.0.1:${proxy.port}`);
  proxy.cut();
  await screen.until('connection lost, trying again');
  screen.enter('are you there');
  await screen.until('“are you there” waits to be sent: there is no connection.');
  const run = await actor.next();
  expect(run.input.message).toBe('are you there');
  await run.say('I am.');
  await screen.until('resumed\nI am.');
});

test('[R12] an agent that there is not is refused at the start, with those that there are', async () => {
  const { http } = await startGateway();
  const screen = new Screen(200);
  const { input, output } = screen;
  expect(await chat({ url: http, input, output, agent: 'nobody' })).toBe(2);
  expect(screen.text).toBe(
    `The server at ${http} has no agent "nobody". It has guide, echo, simulator.`,
  );
});

test('the line to come back with keeps the agent', async () => {
  const { http } = await startGateway();
  const { screen, exit } = await sitDown(http, { agent: 'echo' }, 200);
  expect(screen.text).toContain('Asking echo at');
  screen.enter('hello');
  await screen.until('> hello\nhello\n>');
  screen.press('Ctrl-D');
  expect(await exit).toBe(0);
  expect(screen.text).toMatch(/\nCome back with: parley chat --session [\w-]+ --agent echo$/);
});
