/** The certificate of the server: read from files, and again when they change. */
import { readFile } from 'node:fs/promises';
import type { RequestListener, ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type Config, ConfigError } from './config.ts';
import type { Logger } from './log.ts';
import { WatchedFiles } from './watched-files.ts';

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
  options: ServerOptions,
  handle: RequestListener,
  log: Logger,
): Promise<Server> {
  const watched = await WatchedFiles.open({
    paths: [files.certFile, files.keyFile],
    lookMs: LOOK_MS,
    read: () => read(files),
    onChange: (pair) => {
      server.setSecureContext(pair);
      log.info('the certificate was read again');
    },
    onError: (error) =>
      log.error({ err: error }, 'the certificate cannot be read; the last one is in force'),
  });
  const server = createServer({ ...options, ...watched.contents }, handle);
  server.on('close', () => watched.close());
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
