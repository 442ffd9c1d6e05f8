import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace';
import { createClient } from '@parley/client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createModelAgent } from '../../packages/gateway/src/agents/model.ts';
import { type AgentDefinition, echoAgent } from '../../packages/gateway/src/index.ts';
import { fakeServer, finish, say } from '../agents/fake-model.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { keptLog } from '../helpers/log-lines.ts';
import { puppet } from '../helpers/puppet.ts';
import { TestSocket } from '../helpers/socket.ts';
import { ask } from '../http/request.ts';

const exporter = new InMemorySpanExporter();
const sdk = new NodeSDK({
  spanProcessors: [new SimpleSpanProcessor({ exporter })],
  metricReaders: [],
  logRecordProcessors: [],
});
beforeAll(() => sdk.start());
afterAll(() => sdk.shutdown());
beforeEach(() => exporter.reset());

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const OTHER = 'a'.repeat(32);
const SPAN = '00f067aa0ba902b7';
const caller = (traceId = TRACE) => `00-${traceId}-${SPAN}-01`;

const start = (...agents: AgentDefinition[]) => startGateway({ agents, traces: 'on' });

/** The span of this name, once it has ended. */
async function ended(name: string): Promise<ReadableSpan> {
  const find = () => exporter.getFinishedSpans().find((span) => span.name === name);
  await expect.poll(find, { message: name }).toBeDefined();
  return find() as ReadableSpan;
}

/** `traceparent` as it names a span. */
function placeOf(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  return `00-${traceId}-${spanId}-01`;
}

const happenedIn = (span: ReadableSpan) => span.events.map(({ name }) => name);

describe('the span of a run', () => {
  test('says whose it is and how it went, and its run_status names it', async () => {
    const { logger, lines } = keptLog();
    const { ws } = await startGateway({ agents: [echoAgent], traces: 'on', logger });
    const socket = await TestSocket.open(ws);
    const session = await socket.create();
    const answer = await socket.ask('hello', { message_id: 'm-1' });
    const span = await ended('invoke_agent echo');
    const end = lines.find(({ msg }) => msg === 'a run ended');
    expect(end?.fields.trace_id).toBe(span.spanContext().traceId);
    expect(span.attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'echo',
      'gen_ai.conversation.id': session,
      'parley.session_id': session,
      'parley.run_id': answer.run_id,
      'parley.message_id': 'm-1',
      'parley.attempt': 1,
      'parley.end': 'complete',
    });
    expect(happenedIn(span)).toEqual(['queued', 'started', 'first_chunk']);
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.parentSpanContext).toBeUndefined();
    const statuses = socket.received.filter(({ type }) => type === 'run_status');
    expect(statuses).toContainEqual(expect.objectContaining({ traceparent: placeOf(span) }));
  });

  test('begins when its message is accepted, not when its turn comes', async () => {
    const actor = puppet();
    const { ws } = await start(actor.agent);
    const socket = await TestSocket.open(ws);
    await socket.create();
    for (const id of ['first', 'second']) {
      socket.send({ type: 'chat_message', message_id: id, data: { content: id } });
    }
    const first = await actor.next();
    const queued = await socket.find(
      (message) => message.type === 'run_status' && message.data.status === 'queued',
    );
    await first.finish();
    const second = await actor.next();
    await second.finish();
    await expect.poll(() => exporter.getFinishedSpans().length).toBe(2);
    const [, waited] = exporter.getFinishedSpans();
    const [accepted, begun] = waited?.events ?? [];
    expect(waited?.attributes['parley.message_id']).toBe('second');
    expect(queued).toMatchObject({ traceparent: placeOf(waited as ReadableSpan) });
    expect(milliseconds(begun?.time)).toBeGreaterThan(milliseconds(accepted?.time));
  });

  test('has the calls of its tools, their failures, and the questions to people in it', async () => {
    const actor = puppet();
    const { ws } = await start(actor.agent);
    const socket = await TestSocket.open(ws);
    socket.send({ type: 'chat_message', data: { content: 'do it' } });
    const run = await actor.next();
    const decision = run.context.approve({ tool: 'book', arguments: {} });
    const { data } = await socket.next('approval_request');
    socket.send({
      type: 'approval_response',
      data: { approval_id: data.approval_id, approved: true },
    });
    await decision;
    await run.say({ type: 'tool_call', id: 'c1', name: 'book', arguments: {} });
    await run.say({ type: 'tool_call', id: 'c2', name: 'pay', arguments: {} });
    await run.say({ type: 'tool_result', id: 'c2', name: 'pay', result: null, isError: true });
    await run.say({ type: 'tool_result', id: 'c1', name: 'book', result: null });
    await run.finish();
    const parent = await ended('invoke_agent puppet');
    const names = ['approve book', 'execute_tool book', 'execute_tool pay'];
    const [approval, book, pay] = await Promise.all(names.map(ended));
    for (const child of [approval, book, pay]) {
      expect(child?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
    }
    expect(approval?.attributes).toMatchObject({ 'parley.approved': true });
    expect(book?.attributes).toMatchObject({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'book',
      'gen_ai.tool.call.id': 'c1',
    });
    expect([book?.status.code, pay?.status.code]).toEqual([
      SpanStatusCode.UNSET,
      SpanStatusCode.ERROR,
    ]);
  });

  test('has in it what the agent traces itself: in its tool while that is at work', async () => {
    const tracer = trace.getTracer('an agent');
    const { ws } = await start({
      name: 'tracer',
      async *run() {
        tracer.startSpan('before').end();
        yield { type: 'tool_call', id: 'c', name: 'look', arguments: {} };
        await new Promise(setImmediate);
        tracer.startSpan('within').end();
        yield { type: 'tool_result', id: 'c', name: 'look', result: 1 };
        tracer.startSpan('after').end();
      },
    });
    const socket = await TestSocket.open(ws);
    await socket.ask('go');
    const run = await ended('invoke_agent tracer');
    const tool = await ended('execute_tool look');
    const parents = ['before', 'within', 'after'].map(
      async (name) => (await ended(name)).parentSpanContext?.spanId,
    );
    const [own, used] = [run.spanContext().spanId, tool.spanContext().spanId];
    expect(await Promise.all(parents)).toEqual([own, used, own]);
  });

  test('says that an agent failed and with what, and that a run was stopped without calling it a fault', async () => {
    const actor = puppet();
    const { ws } = await start(actor.agent);
    const socket = await TestSocket.open(ws);
    socket.send({ type: 'chat_message', data: { content: 'fail' } });
    await (await actor.next()).fail(new RangeError('too far'));
    const failed = await ended('invoke_agent puppet');
    expect(failed.attributes).toMatchObject({ 'parley.end': 'error', 'error.type': 'AGENT_ERROR' });
    expect(failed.status).toEqual({
      code: SpanStatusCode.ERROR,
      message: 'The agent puppet failed: too far',
    });
    expect(failed.events.at(-1)?.attributes).toMatchObject({ 'exception.message': 'too far' });

    exporter.reset();
    socket.send({ type: 'chat_message', data: { content: 'stop' } });
    await (await actor.next()).say({ type: 'tool_call', id: 'c', name: 'dig', arguments: {} });
    socket.send({ type: 'run_cancel' });
    const stopped = await ended('invoke_agent puppet');
    expect(stopped.attributes).toMatchObject({ 'parley.end': 'cancelled' });
    expect(stopped.status.code).toBe(SpanStatusCode.UNSET);
    await ended('execute_tool dig');
  });

  test('has nothing in it of what people and agents say', async () => {
    const actor = puppet();
    const { ws } = await start(actor.agent);
    const socket = await TestSocket.open(ws);
    socket.send({ type: 'chat_message', data: { content: 'a secret question' } });
    const run = await actor.next();
    void run.context
      .approve({ tool: 'dig', arguments: { where: 'a secret place' } })
      .catch(() => {});
    await socket.next('approval_request');
    await run.say('a secret answer');
    await run.say({ type: 'tool_call', id: 'c', name: 'dig', arguments: { deep: 'a secret' } });
    await run.say({ type: 'tool_result', id: 'c', name: 'dig', result: 'a secret treasure' });
    await run.finish();
    await ended('invoke_agent puppet');
    const told = exporter
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
    expect(told).toHaveLength(3);
    expect(JSON.stringify(told)).not.toContain('secret');
  });

  test('[R9] an agent that says nonsense ends its own run, and its span', async () => {
    const nonsense = [null, 7, { type: 'tool_call', id: 7, name: {} }, { type: 'tool_result' }];
    for (const event of nonsense) {
      exporter.reset();
      const { ws } = await start({
        name: 'odd',
        run: async function* () {
          yield event as never;
        },
      });
      const socket = await TestSocket.open(ws);
      expect((await socket.ask('go')).data).toMatchObject({ status: 'error', code: 'AGENT_ERROR' });
      expect((await ended('invoke_agent odd')).attributes['error.type']).toBe('AGENT_ERROR');
    }
  });

  test('[R9] an error that cannot be read, or is without end, is told as far as that goes', async () => {
    const actor = puppet();
    const { ws } = await start(actor.agent);
    const socket = await TestSocket.open(ws);
    const unreadable = new Error('x');
    Object.defineProperty(unreadable, 'stack', {
      get() {
        throw new Error('no');
      },
    });
    for (const error of [unreadable, new Error('x'.repeat(1_000_000))]) {
      exporter.reset();
      socket.send({ type: 'chat_message', data: { content: 'fail' } });
      await (await actor.next()).fail(error);
      const { events, attributes } = await ended('invoke_agent puppet');
      expect(attributes['error.type']).toBe('AGENT_ERROR');
      expect(JSON.stringify(events).length).toBeLessThan(10_000);
    }
  });

  test('is another one for the attempt after a restart, of no trace that was before', async () => {
    const dataDir = await temporaryDirectory();
    const actor = puppet({ onInterrupt: 'retry' });
    const options = { agents: [actor.agent], traces: 'on', store: 'sqlite:', dataDir } as const;
    const { gateway, ws } = await startGateway(options);
    const socket = await TestSocket.open(ws);
    const traceparent = caller();
    socket.send({ type: 'chat_message', traceparent, data: { content: 'go' } });
    const run = await actor.next();
    await gateway.close();
    await run.finish();
    const left = await ended('invoke_agent puppet');
    expect(left.attributes).toMatchObject({ 'parley.end': 'released', 'parley.attempt': 1 });
    exporter.reset();
    await startGateway(options);
    await (await actor.next()).finish();
    const again = await ended('invoke_agent puppet');
    expect(again.attributes).toMatchObject({
      'parley.end': 'complete',
      'parley.attempt': 2,
      'parley.run_id': left.attributes['parley.run_id'],
    });
    expect(again.spanContext().traceId).not.toBe(TRACE);
  });
});

describe('trace context', () => {
  test('of a message is where its run is; that of its connection where a message has none', async () => {
    const { ws } = await start(echoAgent);
    const headers = { traceparent: caller(OTHER), tracestate: 'vendor=7' };
    const socket = await TestSocket.open(ws, { headers });
    await socket.ask('of the connection');
    const inherited = await ended('invoke_agent echo');
    expect(inherited.parentSpanContext).toMatchObject({ traceId: OTHER, spanId: SPAN });
    expect(inherited.spanContext().traceState?.serialize()).toBe('vendor=7');
    exporter.reset();
    socket.send({ type: 'chat_message', traceparent: caller(), data: { content: 'its own' } });
    const own = await ended('invoke_agent echo');
    expect(own.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: SPAN, isRemote: true });
    expect(own.spanContext().traceState?.serialize() ?? '').toBe('');
  });

  test.each([
    ['no text', 7],
    ['an object', { traceId: TRACE }],
    ['another form', 'trace-1'],
    ['a trace of nothing but zeros', caller('0'.repeat(32))],
    ['capital letters', caller().toUpperCase()],
    ['version ff', caller().replace('00-', 'ff-')],
    ['more than version 00 has', `${caller()}-more`],
    ['thousands of characters', caller().padEnd(5_000, '0')],
  ])(
    '[R9] that is none, %s, refuses no message, and counts as left out',
    async (_, traceparent) => {
      const { ws } = await start(echoAgent);
      const message = { type: 'chat_message', traceparent, tracestate: 7, data: { content: 'hi' } };
      for (const headers of [{}, { traceparent: caller(OTHER) }]) {
        exporter.reset();
        const socket = await TestSocket.open(ws, { headers });
        socket.send(message);
        expect((await socket.next('agent_response')).data.content).toBe('hi');
        const parent = (await ended('invoke_agent echo')).parentSpanContext;
        expect(parent?.traceId).toBe('traceparent' in headers ? OTHER : undefined);
      }
    },
  );

  test('[R3] is no part of what makes a message the same', async () => {
    const { ws } = await start(echoAgent);
    const socket = await TestSocket.open(ws);
    const message = { type: 'chat_message', message_id: 'm', data: { content: 'once' } };
    const acks = [];
    for (const traceparent of [caller(), caller(OTHER)]) {
      socket.send({ ...message, traceparent });
      acks.push(await socket.next('message_ack'));
    }
    expect(acks[1]).toEqual(acks[0]);
    expect((await ended('invoke_agent echo')).spanContext().traceId).toBe(TRACE);
    expect(exporter.getFinishedSpans()).toHaveLength(1);
  });

  test('of a request is where its run is, and its answer names the span', async () => {
    const actor = puppet();
    const { http } = await start(actor.agent);
    const body = { message: 'hi' };
    const headers = { traceparent: caller() };
    for (const end of ['finish', 'fail'] as const) {
      exporter.reset();
      const asked = ask(`${http}/api/chat`, { body, headers });
      await (await actor.next())[end](new Error('no'));
      const answered = await asked;
      const span = await ended('invoke_agent puppet');
      expect(answered.headers.get('traceparent')).toBe(placeOf(span));
      expect(span.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: SPAN });
    }
  });

  test('of a program that traces its own requests is that of its span', async () => {
    const { gateway } = await start(echoAgent);
    const tracer = trace.getTracer('a host');
    // As an instrumentation of node:http does around the listener of a server.
    const host = createServer((request, response) => {
      const span = tracer.startSpan('POST');
      context.with(trace.setSpan(context.active(), span), () => gateway.handle(request, response));
      response.once('close', () => span.end());
    });
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void host.close());
    const address = host.address() as { port: number };
    await ask(`http://127.0.0.1:${address.port}/api/chat`, { body: { message: 'hi' } });
    const [run, request] = [await ended('invoke_agent echo'), await ended('POST')];
    expect(run.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  });

  test('is what the typed client is given with a message', async () => {
    const { ws } = await start(echoAgent);
    const client = createClient({ url: ws });
    onTestFinished(() => client.close());
    client.session().send('hi', { traceparent: caller() });
    expect((await ended('invoke_agent echo')).parentSpanContext).toMatchObject({ traceId: TRACE });
  });

  test('is given on to agents for what they call', async () => {
    const given: unknown[] = [];
    const { ws } = await start({
      name: 'caller',
      run(_, { traceHeaders }) {
        given.push(traceHeaders?.());
        return 'called';
      },
    });
    const socket = await TestSocket.open(ws);
    await socket.ask('go');
    const span = await ended('invoke_agent caller');
    expect(given).toEqual([{ traceparent: placeOf(span) }]);
  });

  test('goes to models, each call of which is a span with its tokens', async () => {
    const { origin, received } = await fakeServer((response) => {
      say(response, ['yes']);
      finish(response);
    });
    const { ws } = await start(
      createModelAgent({ name: 'm', model: 'tiny-1', baseURL: `${origin}/v1` }),
    );
    const socket = await TestSocket.open(ws);
    socket.send({ type: 'chat_message', traceparent: caller(), data: { content: 'a secret' } });
    await socket.next('agent_response');
    const [run, call] = [await ended('invoke_agent m'), await ended('chat tiny-1')];
    expect(call.parentSpanContext?.spanId).toBe(run.spanContext().spanId);
    expect(received[0]?.headers.traceparent).toBe(placeOf(call));
    expect(call.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'tiny-1',
      'gen_ai.response.finish_reasons': ['stop'],
      'server.address': '127.0.0.1',
    });
  });

  test('goes to a model once, where something in the process gives it to every fetch', async () => {
    const { origin, received } = await fakeServer((response) => {
      say(response, ['yes']);
      finish(response);
    });
    const { ws } = await start(
      createModelAgent({ name: 'm', model: 'tiny-1', baseURL: `${origin}/v1` }),
    );
    // As an instrumentation of fetch does.
    const instrument = (message: unknown) => {
      const { request } = message as { request: { addHeader(name: string, value: string): void } };
      request.addHeader('traceparent', caller(OTHER));
    };
    subscribe('undici:request:create', instrument);
    onTestFinished(() => void unsubscribe('undici:request:create', instrument));
    const socket = await TestSocket.open(ws);
    await socket.ask('hi');
    expect(received.at(-1)?.headers.traceparent).toBe(caller(OTHER));
  });

  test('a model that fails is a span that says so', async () => {
    const { origin } = await fakeServer((response) => {
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end('{"error":{"message":"out of memory"}}');
    });
    const { ws } = await start(
      createModelAgent({ name: 'm', model: 'tiny-1', baseURL: `${origin}/v1` }),
    );
    const socket = await TestSocket.open(ws);
    expect((await socket.ask('hi')).data.status).toBe('error');
    expect((await ended('chat tiny-1')).status).toMatchObject({
      code: SpanStatusCode.ERROR,
      message: expect.stringContaining('out of memory'),
    });
  });
});

test('where traces are off there are no spans, no places in traces and no headers', async () => {
  const given: unknown[] = [];
  const { ws, http } = await startGateway({
    agents: [
      {
        name: 'caller',
        run(_, { traceHeaders }) {
          given.push(traceHeaders);
          return 'called';
        },
      },
    ],
  });
  const socket = await TestSocket.open(ws, { headers: { traceparent: caller() } });
  socket.send({ type: 'chat_message', traceparent: caller(), data: { content: 'hi' } });
  await socket.next('agent_response');
  await socket.settled();
  const headers = { traceparent: caller() };
  const answered = await ask(`${http}/api/chat`, { body: { message: 'hi' }, headers });
  expect(given).toEqual([undefined, undefined]);
  expect(JSON.stringify(socket.received)).not.toContain('traceparent');
  expect(answered.headers.get('traceparent')).toBeNull();
  expect(exporter.getFinishedSpans()).toEqual([]);
});

function milliseconds([seconds, nanoseconds]: [number, number] = [0, 0]): number {
  return seconds * 1e3 + nanoseconds / 1e6;
}
