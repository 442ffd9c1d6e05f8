import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  createGateway,
  type Gateway,
  type GatewayOptions,
} from '../../packages/gateway/src/index.ts';

export interface RunningGateway {
  readonly gateway: Gateway;
  /** `http://127.0.0.1:PORT` */
  readonly http: string;
  /** `ws://127.0.0.1:PORT/ws` */
  readonly ws: string;
}

/** What is closed when `onFinished` says so; default: when the test ends. */
type OnFinished = (dispose: () => Promise<void>) => void;

/** A real gateway on a free port, in memory unless told otherwise. */
export async function startGateway(
  options: GatewayOptions = {},
  onFinished: OnFinished = onTestFinished,
): Promise<RunningGateway> {
  const gateway = await createGateway({
    port: 0,
    store: 'memory:',
    logLevel: 'silent',
    ollamaUrl: '',
    ...options,
  });
  onFinished(() => gateway.close());
  const { port } = await gateway.listen();
  return { gateway, http: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/ws` };
}

/** An empty directory. */
export async function temporaryDirectory(onFinished: OnFinished = onTestFinished): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'parley-test-'));
  onFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}
