/** Pages of other origins in a browser that is known here: what they may do, which is nothing. */
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import type { BrowserContext, Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROUTES } from '../../packages/gateway/src/http/routes.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { openIndulgently } from '../helpers/browser.ts';
import { startGateway } from '../helpers/gateway.ts';

/** The browser of the tests finds every name below `.test` on this machine. */
const HOST = 'parley.test';

let port: number;
let strangersPort: number;
let page: Page;
/** Where a name leads whose owner has it lead to the server later. */
let reboundPort: number;
let isRebound = false;

const disposals: (() => unknown)[] = [];
const onFinished = (dispose: () => unknown) => void disposals.push(dispose);
afterAll(async () => {
  for (const dispose of disposals.reverse()) await dispose();
});

beforeAll(async () => {
  const options = { agents: [echoAgent], auth: 'anonymous', hosts: [HOST] } as const;
  const { http } = await startGateway(options, onFinished);
  port = Number(new URL(http).port);
  const strangers = createHttpServer((_, response) => {
    const headers = { 'Content-Type': 'text/html', Connection: 'close' };
    response.writeHead(200, headers).end('<!doctype html><title>evil');
  });
  strangersPort = await listen(strangers);
  const rebound = createServer((socket) => {
    const there = connect({ port: isRebound ? port : strangersPort, host: '127.0.0.1' });
    for (const end of [socket, there]) end.on('error', () => {});
    socket.pipe(there).pipe(socket);
  });
  reboundPort = await listen(rebound);
  page = await openIndulgently({}, onFinished);
  // From here on the browser has a cookie, and a session that it may see.
  await page.goto(`http://${HOST}:${port}/api/health`);
  const made = await attempt(page.mainFrame());
  expect(made.opened).toEqual(['', 'parley.v1']);
  expect(made.read).toContain('GET /api/sessions');
  expect(made.read).toContain('POST /api/chat');
  expect(await countSessions(page.context())).toBeGreaterThan(0);
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** As whoever the browser is known as. */
async function countSessions(context: BrowserContext): Promise<number> {
  const headers = { Host: `${HOST}:${port}`, Cookie: await cookieOf(context) };
  // The test does not find the name; the server is told it all the same.
  const answer = await context.request.get(`http://127.0.0.1:${port}/api/sessions`, { headers });
  return (await answer.json()).data.total;
}

async function cookieOf(context: BrowserContext): Promise<string> {
  const cookies = await context.cookies(`http://${HOST}:${port}`);
  return cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
}

/** What a script in this frame gets of the server at `host`: the subprotocols whose sockets opened, the routes whose answers it reads. */
async function attempt(
  frame: Frame,
  host = `${HOST}:${port}`,
): Promise<{ opened: string[]; read: string[] }> {
  const asked = ROUTES.map(({ method, path, body }) => ({
    name: `${method} ${path}`,
    method,
    path: path.replaceAll(/\{\w+\}/g, 'x'),
    body: body ? JSON.stringify({ message: 'x', title: 'mine now' }) : null,
  }));
  return frame.evaluate(
    async ({ at, routes }) => {
      const opens = (protocol: string) =>
        new Promise<boolean>((resolve) => {
          const socket = new WebSocket(`ws://${at}/ws`, protocol === '' ? [] : protocol);
          socket.onopen = () => resolve(true);
          socket.onclose = () => resolve(false);
        });
      const opened: string[] = [];
      for (const protocol of ['', 'parley.v1']) if (await opens(protocol)) opened.push(protocol);
      const read: string[] = [];
      for (const { name, method, path, body } of routes) {
        const url = `http://${at}${path}`;
        // With a preflight, and as a form would be sent: without one.
        for (const type of ['application/json', 'text/plain']) {
          const answer = await fetch(url, {
            method,
            credentials: 'include',
            headers: { 'Content-Type': type },
            ...(body === null ? {} : { body }),
          }).catch(() => undefined);
          if (answer?.ok && (await answer.text()) !== '' && !read.includes(name)) read.push(name);
          if (method !== 'GET' && method !== 'POST') continue;
          await fetch(url, {
            method,
            mode: 'no-cors',
            credentials: 'include',
            ...(body === null ? {} : { body: new Blob([body], { type: 'text/plain' }) }),
          }).catch(() => undefined);
        }
      }
      return { opened, read };
    },
    { at: host, routes: asked },
  );
}

/** A form of this frame's, sent as a browser sends one, with what is known about somebody. */
async function sendForm(frame: Frame, path: string): Promise<void> {
  await frame.evaluate(
    (action) =>
      new Promise<void>((resolve) => {
        const target = document.createElement('iframe');
        target.name = `form-${Math.random()}`;
        document.body.append(target);
        const form = document.createElement('form');
        Object.assign(form, { action, method: 'post', enctype: 'text/plain', target: target.name });
        const field = document.createElement('input');
        Object.assign(field, { name: '{"message":"x","y":"', value: '"}' });
        form.append(field);
        document.body.append(form);
        target.onload = () => resolve();
        form.submit();
      }),
    `http://${HOST}:${port}${path}`,
  );
}

const strangers: readonly (readonly [what: string, open: () => Promise<Frame>])[] = [
  ['of a foreign origin', () => visit('evil.test')],
  ['of another port of the same host', () => visit(HOST)],
  ['of a name below its own', () => visit(`a.${HOST}`)],
  ['of a name that ends with its own', () => visit(`evil${HOST}`)],
  ['of a name that begins with its own', () => visit(`${HOST}.evil.test`)],
  ['without an origin, in a sandbox', () => visitNull('sandbox')],
  ['without an origin, by a data: address', () => visitNull('data')],
  ['whose name was pointed at the server', () => visitRebound()],
];

async function visit(host: string): Promise<Frame> {
  await page.goto(`http://${host}:${strangersPort}/`);
  return page.mainFrame();
}

async function visitNull(by: 'sandbox' | 'data'): Promise<Frame> {
  await visit('evil.test');
  await page.evaluate((how) => {
    const frame = document.createElement('iframe');
    const html = '<!doctype html><title>evil</title><body>';
    if (how === 'data') frame.src = `data:text/html,${encodeURIComponent(html)}`;
    else {
      frame.setAttribute('sandbox', 'allow-scripts allow-forms');
      frame.srcdoc = html;
    }
    return new Promise<void>((resolve) => {
      frame.onload = () => resolve();
      document.body.append(frame);
    });
  }, by);
  return page.frames().at(-1) as Frame;
}

/** The page comes from somewhere else; what it then asks of its own origin comes to the server. */
async function visitRebound(): Promise<Frame> {
  isRebound = false;
  await page.goto(`http://rebound.test:${reboundPort}/`);
  isRebound = true;
  return page.mainFrame();
}

test.each(strangers)(
  'a page %s connects to nothing, reads nothing and changes nothing',
  async (_, open) => {
    const context = page.context();
    const before = await countSessions(context);
    const cookie = await cookieOf(context);
    const frame = await open();
    expect(await attempt(frame)).toEqual({ opened: [], read: [] });
    await sendForm(frame, '/api/chat');
    await sendForm(frame, '/api/sign-out');
    expect(await countSessions(context)).toBe(before);
    expect(await cookieOf(context)).toBe(cookie);
  },
);

test('nothing answers to a name that was pointed at the server', async () => {
  const frame = await visitRebound();
  const paths = ['/', '/s/x', '/join', '/ws', ...ROUTES.map(({ path }) => path)];
  const statuses = await frame.evaluate(async (asked) => {
    const answers = asked.map((path) => fetch(path.replaceAll(/\{\w+\}/g, 'x')));
    return (await Promise.all(answers)).map(({ status }) => status);
  }, paths);
  expect(paths.filter((_, index) => statuses[index] !== 403)).toEqual([]);
  expect(await attempt(frame, `rebound.test:${reboundPort}`)).toEqual({ opened: [], read: [] });
});
