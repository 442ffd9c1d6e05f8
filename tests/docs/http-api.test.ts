import { expect, test } from 'vitest';
import * as z from 'zod';
import { ROUTES } from '../../packages/gateway/src/http/routes.ts';
import { startGateway } from '../helpers/gateway.ts';
import { readPages } from './pages.ts';

const page = (await readPages()).find(({ file }) => file === 'docs/http-api.md')?.text ?? '';
const [, answers = ''] = page.split('## Which fields do the answers have?');
const [, sessionFields = ''] = /^What a session has: (.*)$/m.exec(answers) ?? [];

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** The names of the fields of an answer, of lists in it too; entries of the history are the wire's. */
function fieldsOf({ properties = {} }: Schema): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const isHistory = name === 'messages' && field.items !== undefined;
    return [
      name,
      ...(isHistory ? [] : fieldsOf(field)),
      ...(field.items && !isHistory ? fieldsOf(field.items) : []),
    ];
  });
}

const routes = ROUTES.flatMap(({ method, path, data }) =>
  data ? [{ route: `${method} ${path}`, fields: fieldsOf(z.toJSONSchema(data) as Schema) }] : [],
);

test.each(routes)('docs/http-api.md names every field of $route', ({ route, fields }) => {
  const entry = answers.split('\n').find((line) => line.startsWith(`- \`${route}\`: `)) ?? '';
  expect(fields.length).toBeGreaterThan(0);
  const named = `${entry}${/what (?:a|the) session has/.test(entry) ? sessionFields : ''}`;
  for (const field of fields) expect(named, field).toContain(`\`${field}\``);
});

test('[R8] a limit above 1,000 means 1,000, as docs/http-api.md says', async () => {
  const { http } = await startGateway();
  const list = await fetch(`${http}/api/sessions?limit=5000`);
  expect(await list.json()).toMatchObject({ data: { limit: 1_000, offset: 0 } });
  const refused = await fetch(`${http}/api/sessions?limit=0`);
  expect(await refused.json()).toMatchObject({ error: { code: 'INVALID_MESSAGE' } });
});

test('times have the formats that docs/http-api.md says', async () => {
  const { http } = await startGateway({ agent: 'echo' });
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ message: 'hello', session_id: 's' });
  const post = await fetch(`${http}/api/chat`, { method: 'POST', headers, body });
  const answer = (await post.json()) as { data: { timestamp: number } };
  expect(Math.abs(answer.data.timestamp - Date.now() / 1_000)).toBeLessThan(60);
  const text = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const session = await fetch(`${http}/api/sessions/s`);
  expect(await session.json()).toMatchObject({
    data: { created_at: text, last_used: text, messages: [{ timestamp: text }, {}] },
  });
});
