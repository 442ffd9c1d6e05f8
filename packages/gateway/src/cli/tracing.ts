/** What `parley serve` does with spans: the SDK of OpenTelemetry, which its own variables configure. */
import { setTimeout as delay } from 'node:timers/promises';
import { DiagLogLevel, diag, isSpanContextValid, trace } from '@opentelemetry/api';
import { ConfigError } from '../config.ts';
import type { Logger } from '../log.ts';

/** The same complaint is written once in so long, milliseconds: a collector that is away is complained of with each batch. */
const REPEAT_MS = 60_000;
/** So long the last spans may take to leave when the server stops, milliseconds. */
const FLUSH_MS = 3_000;

/**
 * Starts it, unless another one was started before (`NODE_OPTIONS=--import …`): then that one has the spans.
 * What is returned sends what is left and ends it.
 *
 * @throws {ConfigError} where the SDK is not installed.
 */
export async function startTracing(log: Logger): Promise<() => Promise<void>> {
  if (isSpanContextValid(trace.getTracer('@parley/gateway').startSpan('').spanContext())) {
    log.info('traces go where the SDK that runs already sends them');
    return async () => {};
  }
  const { NodeSDK } = await import('@opentelemetry/sdk-node').catch((error) => {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ConfigError([
      'traces: on needs a package that does not come with Parley. Install it with npm install @opentelemetry/sdk-node, or set traces to off.',
    ]);
  });
  const { env } = process;
  // Not what it says of the process: a command line may have the password of a database in it.
  env.OTEL_NODE_RESOURCE_DETECTORS ??= 'env,host,os,serviceinstance';
  if (!env.OTEL_RESOURCE_ATTRIBUTES?.includes('service.name=')) env.OTEL_SERVICE_NAME ??= 'parley';
  const sdk = new NodeSDK({ metricReaders: [], logRecordProcessors: [] });
  complainTo(log);
  sdk.start();
  return async () => {
    await Promise.race([sdk.shutdown(), delay(FLUSH_MS, undefined, { ref: false })]).catch(
      (error: unknown) => log.warn({ err: error }, 'the last spans were not sent'),
    );
  };
}

function complainTo(log: Logger): void {
  const said = new Map<string, number>();
  const complain = (message: string, ...more: unknown[]): void => {
    const [reason] = more.filter((one) => one instanceof Error);
    const now = performance.now();
    if (now - (said.get(message) ?? -REPEAT_MS) < REPEAT_MS) return;
    if (said.size > 100) said.clear();
    said.set(message, now);
    log.warn({ reason: message.slice(0, 1_000), err: reason }, 'traces: the SDK complains');
  };
  const ignore = () => {};
  diag.setLogger(
    { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
