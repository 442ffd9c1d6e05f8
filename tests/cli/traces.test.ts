import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { start } from './parley.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;

interface Batch {
  readonly path: string;
  readonly body: {
    readonly resourceSpans: readonly {
      readonly resource: { readonly attributes: readonly Attribute[] };
      readonly scopeSpans: readonly {
        readonly spans: readonly { name: string; traceId: string }[];
      }[];
    }[];
  };
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

/** Takes spans as OTLP in JSON, by HTTP. */
async function collector(): Promise<{ origin: string; batches: Batch[] }> {
  const batches: Batch[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await Array.fromAsync<Buffer>(request);
    batches.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString()) });
    response.setHeader('content-type', 'application/json').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, batches };
}

/** Preloaded; no spaces, which would part it in `NODE_OPTIONS`. It names on standard error what is loaded of OpenTelemetry. */
const WATCH =
  "data:text/javascript,import{registerHooks}from'node:module';registerHooks({load(url,context,next){if(url.includes('opentelemetry'))console.error(url);return(next(url,context))}})";

async function serve(env: Record<string, string>) {
  const running = start(['serve', '--port', '0', '--store', 'memory:', '--agent', 'echo'], {
    cwd: await temporaryDirectory(),
    env: { NODE_OPTIONS: `--import=${WATCH}`, ...env },
  });
  const [, port] = await running.until(/localhost:(\d+)/);
  return { running, ws: `ws://127.0.0.1:${port}/ws` };
}

test('spans go where the variables of OpenTelemetry say, the last ones before the server ends', async () => {
  const { origin, batches } = await collector();
  const { running, ws } = await serve({
    PARLEY_TRACES: 'on',
    OTEL_EXPORTER_OTLP_ENDPOINT: origin,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const socket = await TestSocket.open(ws);
  socket.send({ type: 'chat_message', traceparent, data: { content: 'a secret' } });
  await socket.next('agent_response');
  running.process.kill('SIGTERM');
  expect(await running.ended).toBe(0);
  expect(batches.map(({ path }) => path)).toEqual(['/v1/traces']);
  const [traced] = batches.flatMap(({ body }) => body.resourceSpans);
  const facts = Object.fromEntries(
    traced?.resource.attributes.map(({ key, value }) => [key, value.stringValue]) ?? [],
  );
  expect(facts).toMatchObject({ 'service.name': 'parley', 'deployment.environment.name': 'test' });
  expect(facts).not.toHaveProperty('process.command_args');
  expect(traced?.scopeSpans.flatMap(({ spans }) => spans)).toMatchObject([
    { name: 'invoke_agent echo', traceId: TRACE },
  ]);
  expect(JSON.stringify(batches)).not.toContain('a secret');
  expect(running.stderr()).toContain('@opentelemetry/sdk-node');
});

test('where traces are off nothing of OpenTelemetry is loaded, whatever its variables say', async () => {
  const { running, ws } = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
  const socket = await TestSocket.open(ws);
  socket.send({ type: 'chat_message', traceparent, data: { content: 'hello' } });
  await socket.next('agent_response');
  running.process.kill('SIGTERM');
  expect(await running.ended).toBe(0);
  expect(running.stderr()).not.toContain('opentelemetry');
});

test('[R9] a collector that is away is complained of in the log, and nobody waits for it', async () => {
  const { running, ws } = await serve({
    PARLEY_TRACES: 'on',
    // The port of discard, where nothing listens.
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
    OTEL_BSP_SCHEDULE_DELAY: '10',
  });
  const socket = await TestSocket.open(ws);
  await socket.ask('hello');
  const [line] = await running.until(/.*traces: the SDK complains.*/);
  expect(JSON.parse(line)).toMatchObject({ level: expect.anything(), reason: expect.any(String) });
  running.process.kill('SIGTERM');
  expect(await running.ended).toBe(0);
});

test('where an SDK runs already, that one has the spans', async () => {
  const { running, ws } = await serve({
    PARLEY_TRACES: 'on',
    NODE_OPTIONS: `--import=${new URL('./fixtures/sdk.mjs', import.meta.url)}`,
  });
  const socket = await TestSocket.open(ws);
  await socket.ask('hello');
  await running.until(/A span ended: invoke_agent echo/);
});
