/** The page of administrators, as they find their way in it. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { defineAgent, echoAgent } from '../../packages/gateway/src/index.ts';
import { connectAs, startGuarded } from '../auth/people.ts';
import { openPage } from '../helpers/browser.ts';
import { freePort } from '../helpers/free-port.ts';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { violations } from './axe.ts';
import { look } from './look.ts';

const PHONE = { width: 390, height: 844 };
/** What a browser says itself of a refusal is no fault of the page. */
const REFUSED = /40[139]/;
const broken = defineAgent({ name: 'broken', run: () => Promise.reject(new Error('boom')) });

/** What a chart says is now, to who hears the page: the newest row of its table. */
async function figures(page: Page, title: string): Promise<string> {
  const rows = page.getByRole('table', { name: title, exact: true }).getByRole('row');
  return (await rows.nth(1).getByRole('cell').allInnerTexts()).join(', ');
}

async function converse(ws: string, agent: string, times = 1): Promise<string> {
  const client = await TestSocket.open(ws);
  const session = await client.create();
  for (let each = 0; each < times; each += 1) {
    await client.ask(`number ${each}`, { data: { content: `number ${each}`, agent_name: agent } });
  }
  return session;
}

test('figures are live, and there for everyone: in both themes, on a phone, and read out', async () => {
  const { http, ws } = await startGateway({ agents: [echoAgent, broken] });
  const page = await openPage(`${http}/monitor`);
  await page
    .getByText('No agent has answered while this page was open, in the last 5 minutes.')
    .waitFor();
  await expect.poll(() => figures(page, 'Connections')).toBe('0, 0');
  await expect.poll(() => figures(page, 'Messages')).toBe('0/s, 0/s');
  await look(page, 'monitor-quiet');
  await converse(ws, 'echo', 3);
  await converse(ws, 'broken');
  await expect.poll(() => figures(page, 'Connections')).toBe('2, 2');
  await expect.poll(() => figures(page, 'Time to first text')).toMatch(/^[\d.]+ ms, [\d.]+ ms$/);
  const agents = page.getByRole('table').filter({ hasText: 'Whole answer' }).getByRole('row');
  await agents.filter({ hasText: /^echo.*3\s*0%$/ }).waitFor();
  await agents.filter({ hasText: /^broken.*1\s*100%$/ }).waitFor();
  const node = page.getByRole('row').filter({ hasText: 'serving' });
  expect(await node.innerText()).toMatch(/2\s+0\s+[\d.]+ ms\s+\d+ MB/);
  await look(page, 'monitor');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    expect(await violations(page)).toEqual([]);
  }
  await page.setViewportSize(PHONE);
  expect(await violations(page)).toEqual([]);
  const main = page.getByRole('main');
  for (const place of ['overview', 'connections', 'session']) {
    await page.goto(`${http}/monitor#${place}`);
    await main.getByRole('heading').first().waitFor();
    const wider = await main.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    expect([place, wider]).toEqual([place, 0]);
  }
}, 90_000);

test('who is no administrator sees words and no figure, and may sign in as one', async () => {
  const { http, tokens } = await startGuarded(['root', 'alice'], { admins: ['root'] });
  const page = await openPage(`${http}/monitor`, { expected: REFUSED });
  await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
  const signIn = async (token = '') => {
    await page.getByRole('link', { name: 'Sign in as an administrator' }).click();
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const answered: string[] = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith('/api/monitor')) answered.push(`${response.status()}`);
  });
  await signIn(tokens.alice);
  await page.getByRole('heading', { name: 'This page is for administrators' }).waitFor();
  await page.getByText('setting “admins”').waitFor();
  expect(await page.getByRole('figure').count()).toBe(0);
  expect(answered).toEqual(['403']);
  expect(await violations(page)).toEqual([]);
  await look(page, 'monitor-refused');
  await signIn(tokens.root);
  await page.getByRole('figure', { name: 'Connections' }).waitFor();
  // The chat shows the way to it to those for whom it is.
  await page.getByRole('link', { name: 'Chat' }).click();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('menuitem', { name: 'Monitor' }).click();
  await page.getByRole('figure', { name: 'Connections' }).waitFor();
});

test('a connection is found and cut, after what that does was said', async () => {
  const { http, ws, tokens } = await startGuarded(['root', 'alice', 'bob'], { admins: ['root'] });
  const page = await openPage(`${http}/monitor/sign-in`, { expected: REFUSED });
  await page.getByLabel('Access token').fill(tokens.root ?? '');
  await page.getByRole('button', { name: 'Sign in' }).click();
  const [alice, bob] = [
    await connectAs(ws, tokens.alice ?? ''),
    await connectAs(ws, tokens.bob ?? ''),
  ];
  await page.getByRole('link', { name: 'Connections', exact: true }).click();
  await page.getByRole('rowheader', { name: 'bob' }).waitFor();
  await page.getByRole('searchbox').fill('ali');
  await expect.poll(() => page.getByRole('rowheader').allInnerTexts()).toEqual(['alice']);
  await look(page, 'monitor-connections');
  await page.getByRole('button', { name: /^Cut connection/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Cut a connection of alice?' });
  await dialog.getByText('close code 4410').waitFor();
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect.poll(() => dialog.count()).toBe(0);
  await page.getByRole('button', { name: /^Cut connection/ }).click();
  await dialog.getByRole('button', { name: 'Cut', exact: true }).click();
  expect((await alice.closed).code).toBe(4410);
  await page
    .getByRole('status')
    .getByText(/was cut/)
    .waitFor();
  await page.getByText('No connection here begins with “ali”.').waitFor();
  await bob.create();
});

test('the last node is drained when one insists; what was seen stays, until there is a server again', async () => {
  const port = await freePort();
  const first = await startGateway({ port, agents: [echoAgent] });
  await converse(first.ws, 'echo');
  const page = await openPage(`${first.http}/monitor`, { expected: /40[139]|Failed to fetch/ });
  await page.getByRole('button', { name: /^Drain node/ }).click();
  const dialog = page.getByRole('dialog', { name: /^Drain node/ });
  await dialog.getByText('Its 1 client is told to come back').waitFor();
  await dialog.getByRole('button', { name: 'Drain', exact: true }).click();
  await dialog.getByRole('alert').getByText('No other node can take over').waitFor();
  await look(page, 'monitor-drain');
  await dialog.getByRole('button', { name: 'Drain the last node' }).click();
  await first.gateway.closed;
  await page.getByRole('alert').getByText('The server does not answer.').waitFor();
  expect(await page.getByRole('figure', { name: 'Connections' }).count()).toBe(1);
  expect(await violations(page)).toEqual([]);
  await look(page, 'monitor-away');
  const second = await startGateway({ port, agents: [echoAgent] });
  await converse(second.ws, 'echo', 1);
  await expect.poll(() => page.getByRole('alert').count()).toBe(0);
  await expect.poll(() => figures(page, 'Connections')).toBe('1, 1');
});

test('the log of a session is found by its id, paged by seq, and shown whole', async () => {
  const { http, ws } = await startGateway({ agents: [echoAgent] });
  const session = await converse(ws, 'echo', 30);
  const page = await openPage(`${http}/monitor`, { expected: /404/ });
  await page.getByRole('link', { name: 'Session log' }).click();
  await page.getByText('Every event that is kept').waitFor();
  const show = async (id: string) => {
    await page.getByLabel('Session id').fill(id);
    await page.getByRole('button', { name: 'Show' }).click();
  };
  await show('none');
  await page.getByRole('alert').getByText('There is no session of this id').waitFor();
  await show(session);
  await page.getByText('Events 11 to 60').waitFor();
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByText('Events 1 to 10').waitFor();
  expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true);
  const answer = page.getByRole('row').filter({ has: page.getByText('agent_response').first() });
  const text = await answer.nth(0).innerText();
  expect(text).toMatch(/^2\s.*agent_response complete\s+echo\s+[0-9a-f]{8}\s+\d+ B\s+number 0/s);
  await answer.nth(0).getByText('number 0').click();
  await answer.nth(0).getByText('"reply_to":').waitFor();
  await look(page, 'monitor-log');
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Newer' }).click();
  await page.getByText('Events 11 to 60').waitFor();
});

test('it speaks German', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const page = await openPage(`${http}/monitor`, { locale: 'de-DE' });
  await page.getByRole('figure', { name: 'Verbindungen' }).waitFor();
  await page.getByRole('button', { name: /leerlaufen lassen/ }).click();
  await page.getByText('Danach endet der Prozess mit Status 0.').waitFor();
});

test('[R12] a part that is not ready stands above all figures, and at its node', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const page = await openPage(`${http}/monitor`);
  await page.route('**/api/monitor', async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    for (const node of body.data.nodes) node.faults = { store: 'not reached' };
    await route.fulfill({ response, json: body });
  });
  const alert = page.getByRole('alert');
  expect(await alert.innerText()).toMatch(/^Node \w{8} is not ready\. store: not reached$/);
  await page
    .getByRole('row')
    .filter({ hasText: 'serving' })
    .getByText('store: not reached')
    .waitFor();
  expect(await violations(page)).toEqual([]);
  await look(page, 'monitor-not-ready');
  await page.unroute('**/api/monitor');
  await expect.poll(() => alert.count()).toBe(0);
});

test('[R12] a log that cannot be read now, or is not there, is asked for again without a reload', async () => {
  const { http, ws } = await startGateway({ agents: [echoAgent] });
  const page = await openPage(`${http}/monitor#session`, { expected: /404|ERR_FAILED/ });
  const field = page.getByLabel('Session id');
  const show = page.getByRole('button', { name: 'Show', exact: true });
  const client = await TestSocket.open(ws);
  await field.fill('later');
  await show.click();
  await page.getByRole('alert').getByText('There is no session of this id').waitFor();
  client.send({ type: 'session_create', session_id: 'later', data: {} });
  await client.next('session_status');
  await show.click();
  await page.getByText('No event of this session is kept.').waitFor();

  await client.ask('hello', { session_id: 'later' });
  await page.route('**/api/sessions/**', (route) => route.abort());
  await page.getByRole('button', { name: 'Newest' }).click();
  await page.getByRole('alert').waitFor();
  await page.unroute('**/api/sessions/**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('rowheader', { name: '1', exact: true }).waitFor();
});
