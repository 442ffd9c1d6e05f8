/** The certificate of the server: read from files, and again when they change. */
import { readFile, stat } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type Config, ConfigError } from './config.ts';
import type { Logger } from './log.ts';

/** How often the files are looked at, milliseconds. */
const LOOK_MS = 5_000;

interface Files {
  readonly certFile: string;
  readonly keyFile: string;
}

/** `undefined` where no certificate is set. @throws {ConfigError} where one is set by half. */
export function tlsFiles({ tlsCertFile, tlsKeyFile }: Config): Files | undefined {
  if (tlsCertFile !== undefined && tlsKeyFile !== undefined) {
    return { certFile: tlsCertFile, keyFile: tlsKeyFile };
  }
  if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
  throw new ConfigError(['tlsCertFile and tlsKeyFile belong together: set both, or none.']);
}

/**
 * A server that speaks TLS. When the files change, connections from then on get the new certificate;
 * files that do not belong together are said in the log, and the last ones stay in force.
 *
 * @throws {ConfigError} where the files cannot be read, or are no certificate and its key.
 */
export async function createTlsServer(
  files: Files,
  handle: RequestListener,
  log: Logger,
): Promise<Server> {
  let seen = await stampOf(files).catch(() => '');
  const server = createServer(await read(files), handle);
  const timer = setInterval(async () => {
    try {
      const now = await stampOf(files);
      if (now === seen) return;
      server.setSecureContext(await read(files));
      seen = now;
      log.info('the certificate was read again');
    } catch (error) {
      log.error({ err: error }, 'the certificate cannot be read; the last one is in force');
    }
  }, LOOK_MS).unref();
  server.on('close', () => clearInterval(timer));
  return server;
}

async function read({ certFile, keyFile }: Files): Promise<{ cert: Buffer; key: Buffer }> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    // Here, and not at the first connection, it is found out that they do not belong together.
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    throw new ConfigError([
      `tlsCertFile and tlsKeyFile: expected a certificate and its key in PEM, got ${certFile} and ${keyFile} (${(error as Error).message}).`,
    ]);
  }
}

async function stampOf({ certFile, keyFile }: Files): Promise<string> {
  const stats = await Promise.all([stat(certFile), stat(keyFile)]);
  return stats.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join(' ');
}
