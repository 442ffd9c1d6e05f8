/**
 * Answers traced by OpenTelemetry, in a program with an SDK of its own: `npx node examples/traces.ts`, then
 * ask something at http://localhost:8080. Each span is printed as it ends. With npx it runs on the Node that
 * `npm ci` has brought, whatever Node the machine has.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { createGateway, defineAgent } from '@parley/gateway';

// Before the gateway. Without `spanProcessors`, spans go where OTEL_EXPORTER_OTLP_ENDPOINT says.
const sdk = new NodeSDK({
  serviceName: 'tides',
  spanProcessors: [new SimpleSpanProcessor({ exporter: new ConsoleSpanExporter() })],
  metricReaders: [],
  logRecordProcessors: [],
});
sdk.start();

const tracer = trace.getTracer('tides');

const tides = defineAgent({
  name: 'tides',
  description: 'Knows when the water is high.',
  onInterrupt: 'retry',
  async *run({ message }) {
    yield 'Let me look. ';
    const call = { id: crypto.randomUUID(), name: 'tide_table' };
    yield { type: 'tool_call', ...call, arguments: { harbour: message } };
    // In the span of the tool, as a request would be that is instrumented.
    const hour = await tracer.startActiveSpan('read the table', async (span) => {
      await delay(20);
      span.end();
      return 1 + (message.length % 12);
    });
    yield { type: 'tool_result', ...call, result: { hour } };
    yield `High water is at ${hour}.`;
  },
});

const gateway = await createGateway({ agents: [tides], traces: 'on' });
const { url } = await gateway.listen();
console.log(`The tides are traced at ${url}`);

process.once('SIGTERM', async () => {
  await gateway.drain();
  await sdk.shutdown();
});
