/** Each browser is somebody, and nobody else. */
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { keptKey, Signer } from '../../packages/gateway/src/auth/signing.ts';
import { createGateway, echoAgent } from '../../packages/gateway/src/index.ts';
import { openPage } from '../helpers/browser.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';

const DAY_MS = 86_400_000;
const options = { agents: [echoAgent], auth: 'anonymous' } as const;

async function cookieOf(http: string, cookie?: string): Promise<string | undefined> {
  const response = await fetch(http, cookie ? { headers: { Cookie: cookie } } : {});
  return response.headers.getSetCookie()[0];
}

/** `name=value` of a `Set-Cookie`. */
const pair = (setCookie = '') => setCookie.split(';')[0] ?? '';

async function idOf(http: string, cookie: string): Promise<string> {
  const response = await fetch(`${http}/api/me`, { headers: { Cookie: cookie } });
  return ((await response.json()) as { data: { id: string } }).data.id;
}

describe('the cookie', () => {
  test('is given with the page, kept from scripts and other sites, and not given twice', async () => {
    const { http } = await startGateway(options);
    const given = await cookieOf(http);
    expect(given).toMatch(/^parley_id=[\w.-]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(await cookieOf(http, pair(given))).toBeUndefined();
    expect(await idOf(http, pair(given))).toBe(await idOf(http, pair(given)));
  });

  test('is given with the upgrade too, where a page of elsewhere connects', async () => {
    const { ws, http } = await startGateway(options);
    const client = await TestSocket.open(ws, { headers: { Origin: http } });
    await client.settled();
  });

  test('that was changed, or signed elsewhere or for something else, is nobody’s', async () => {
    const dataDir = await temporaryDirectory();
    const { http } = await startGateway({ ...options, store: 'sqlite:', dataDir });
    const mine = pair(await cookieOf(http));
    const id = await idOf(http, mine);
    const text = `${id}.${Date.now().toString(36)}`;
    const forged = [
      mine.replace(id, `${id}x`),
      `${mine.slice(0, -1)}${mine.endsWith('A') ? 'B' : 'A'}`,
      `parley_id=${new Signer(['x'.repeat(32)]).sign('parley_id', text)}`,
      `parley_id=${new Signer([await keptKey(dataDir)]).sign('invitation', text)}`,
      `parley_id=${text}`,
      'parley_id=',
    ];
    for (const cookie of forged) expect(await idOf(http, cookie)).not.toBe(id);
  });

  test('is replaced every day, stays the same person, and is nobody’s after half a year', async () => {
    const dataDir = await temporaryDirectory();
    const { http } = await startGateway({ ...options, store: 'sqlite:', dataDir });
    const signer = new Signer([await keptKey(dataDir)]);
    const issued = (ago: number) =>
      `parley_id=${signer.sign('parley_id', `anon-me.${(Date.now() - ago).toString(36)}`)}`;
    expect(await cookieOf(http, issued(DAY_MS / 2))).toBeUndefined();
    const replaced = await cookieOf(http, issued(2 * DAY_MS));
    expect(pair(replaced)).not.toBe(issued(2 * DAY_MS));
    expect(await idOf(http, pair(replaced))).toBe('anon-me');
    expect(await idOf(http, issued(200 * DAY_MS))).not.toBe('anon-me');
  });

  test('is good after a restart, and its key is for its owner alone', async () => {
    const dataDir = await temporaryDirectory();
    const first = await startGateway({ ...options, store: 'sqlite:', dataDir });
    const mine = pair(await cookieOf(first.http));
    const id = await idOf(first.http, mine);
    await first.gateway.close();
    const { http } = await startGateway({ ...options, store: 'sqlite:', dataDir });
    expect(await idOf(http, mine)).toBe(id);
  });

  test('of an earlier signing key is still believed', async () => {
    const [before, after] = ['b'.repeat(32), 'a'.repeat(32)];
    const cookie = `parley_id=${new Signer([before]).sign('parley_id', `anon-me.${Date.now().toString(36)}`)}`;
    const { http } = await startGateway({ ...options, signingKeys: [after, before] });
    expect(await idOf(http, cookie)).toBe('anon-me');
    const without = await startGateway({ ...options, signingKeys: [after] });
    expect(await idOf(without.http, cookie)).not.toBe('anon-me');
  });
});

test('two browsers do not see each other’s chats, and two tabs of one do', async () => {
  const { http } = await startGateway(options);
  const mine = await openPage(http);
  await mine.getByRole('textbox', { name: 'Message' }).fill('for me alone');
  await mine.keyboard.press('Enter');
  await mine.locator('article[data-status="complete"]').waitFor();
  const url = mine.url();
  const tab = await mine.context().newPage();
  await tab.goto(url);
  await tab.getByRole('log').getByText('for me alone').first().waitFor();
  const other = await openPage(http);
  expect(await other.getByRole('navigation').getByText('for me alone').count()).toBe(0);
  await other.goto(url);
  await other.getByText('There is no such chat', { exact: false }).waitFor();
});

describe('a server that asks nobody', () => {
  test.each(['0.0.0.0', '::', '192.0.2.1', 'chat.example'])(
    'does not listen on %s',
    async (host) => {
      const gateway = await createGateway({ store: 'memory:', logLevel: 'silent', host, port: 0 });
      await expect(gateway.listen()).rejects.toThrow(
        /auth is none, .* can be reached from other machines/,
      );
      await gateway.close();
    },
  );

  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  test.skipIf(!address)(
    'answers this machine only where it is attached to a server that others reach',
    async () => {
      const { createServer } = await import('node:http');
      const gateway = await createGateway({
        store: 'memory:',
        logLevel: 'silent',
        agents: [echoAgent],
        hosts: [address ?? ''],
      });
      const server = createServer(gateway.handle);
      gateway.attach(server);
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
      const { port } = server.address() as { port: number };
      const status = async (host: string | undefined) =>
        (await fetch(`http://${host}:${port}/api/agents`)).status;
      expect([await status('127.0.0.1'), await status(address)]).toEqual([200, 401]);
      const origin = `http://${address}:${port}`;
      await expect(
        TestSocket.open(`ws://${address}:${port}/ws`, { headers: { Origin: origin } }),
      ).rejects.toThrow('401');
      server.close();
      server.closeAllConnections();
      await gateway.close();
    },
  );
});
