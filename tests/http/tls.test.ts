import { execFileSync } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { createGateway, echoAgent } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';

/** A certificate for localhost that nobody has signed, and its key. */
function makeCertificate(directory: string, name: string): { cert: string; key: string } {
  const [cert, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost'],
    ...['-keyout', key, '-out', cert],
  ]);
  return { cert, key };
}

interface Seen {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The common name of the server's certificate. */
  readonly name: unknown;
}

function look(url: string): Promise<Seen> {
  return new Promise((resolve, reject) => {
    get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      resolve({ status: response.statusCode, headers: response.headers, name: subject.CN });
    }).on('error', reject);
  });
}

test('by TLS the page, its cookies and its WebSocket are for TLS alone', async () => {
  const { cert, key } = makeCertificate(await temporaryDirectory(), 'one');
  const options = { agents: [echoAgent], auth: 'anonymous' as const };
  const { gateway } = await startGateway({ ...options, tlsCertFile: cert, tlsKeyFile: key });
  const { url, port } = await gateway.listen();
  expect(url).toMatch(/^https:/);
  const { headers } = await look(`https://localhost:${port}/api/me`);
  expect(headers['strict-transport-security']).toMatch(/^max-age=\d{7,}$/);
  expect(String(headers['set-cookie'])).toMatch(/; Secure$/);
  const client = await TestSocket.open(`wss://localhost:${port}/ws`, {
    rejectUnauthorized: false,
    headers: { Origin: `https://localhost:${port}` },
  });
  expect((await client.ask('hello')).data.status).toBe('complete');
  const plain = await startGateway(options);
  const response = await fetch(`${plain.http}/api/me`);
  expect(response.headers.get('strict-transport-security')).toBeNull();
});

test('a renewed certificate is used without a restart, and one that does not fit is not', async () => {
  const directory = await temporaryDirectory();
  const [one, two] = [makeCertificate(directory, 'one'), makeCertificate(directory, 'two')];
  const used = { cert: join(directory, 'used.crt'), key: join(directory, 'used.key') };
  const use = async (cert: string, key: string) => {
    await copyFile(cert, used.cert);
    await copyFile(key, used.key);
  };
  await use(one.cert, one.key);
  const { gateway } = await startGateway({ tlsCertFile: used.cert, tlsKeyFile: used.key });
  const { port } = await gateway.listen();
  const name = async () => (await look(`https://localhost:${port}/api/health`)).name;
  expect(await name()).toBe('one');
  await use(two.cert, two.key);
  await expect.poll(name, { timeout: 15_000, interval: 200 }).toBe('two');
});

test.each([
  [{ tlsCertFile: '/nowhere.crt' }, /belong together: set both, or none/],
  [
    { tlsCertFile: '/nowhere.crt', tlsKeyFile: '/nowhere.key' },
    /expected a certificate and its key in PEM/,
  ],
])('[R12] %o is refused in words', async (options, words) => {
  const gateway = await createGateway({
    store: 'memory:',
    logLevel: 'silent',
    port: 0,
    ...options,
  });
  await expect(gateway.listen()).rejects.toThrow(words);
  await gateway.close();
});
