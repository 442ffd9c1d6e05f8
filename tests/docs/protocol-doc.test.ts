import { readFile } from 'node:fs/promises';
import {
  CLIENT_MESSAGE_TYPES,
  CLOSE_CODES,
  clientMessageSchema,
  ERROR_CODES,
  LIMITS,
  SERVER_MESSAGE_TYPES,
  serverMessageSchema,
} from '@parley/protocol';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { parseOptions } from '../../packages/gateway/src/config.ts';
import { SETTINGS } from '../../packages/gateway/src/settings.ts';

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

const page = await readFile(new URL('../../PROTOCOL.md', import.meta.url), 'utf8');
/** What the page says in words: without the exchanges, which another test plays. */
const prose = page.slice(0, page.indexOf('## Worked exchanges'));

/** The text below a heading, down to the next one of its level or above. */
function section(heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const [, after] = page.split(`\n${heading}\n`);
  if (after === undefined) throw new Error(`PROTOCOL.md has no ${heading}`);
  return after.split(new RegExp(`^#{1,${level}} `, 'm'))[0] ?? '';
}

/** The rows of the first table, without its head, as the texts of their cells. */
function rows(text: string): string[][] {
  const table = /(?:^\|.*\n)+/m.exec(`${text}\n`)?.[0].trim().split('\n').slice(2) ?? [];
  return table.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** The names in the first column of the first table, sorted. */
function namedIn(text: string): string[] {
  return rows(text)
    .map(([name = '']) => name.slice(1, -1))
    .sort();
}

function schemaOf(option: z.ZodType, io: 'input' | 'output'): Schema {
  return z.toJSONSchema(option, { io, unrepresentable: 'any' }) as Schema;
}

function dataOf(schema: Schema): Schema {
  return schema.properties?.data ?? {};
}

const HEADINGS: Record<string, string> = {
  chat_message: '### `chat_message` (event)',
  agent_response: '### `agent_response` (event)',
  tool_call: '### `tool_call` (event)',
  tool_result: '### `tool_result` (event)',
  approval_request: '### `approval_request` (event)',
  typing: '### `typing` (from others)',
};

function hasBounds(cell: string, { minimum, maximum, maxLength }: Schema): boolean {
  const bounds = [minimum, maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum, maxLength];
  // An id has its bounds in the section on the envelope.
  if (/\bids?\b/.test(cell)) return true;
  return bounds.every((bound) => bound === undefined || new RegExp(`\\b${bound}\\b`).test(cell));
}

/** The names of all fields, however deep. */
function namesIn(schema: Schema): string[] {
  const deeper = [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? [])];
  if (schema.items) deeper.push(schema.items);
  return [...Object.keys(schema.properties ?? {}), ...deeper.flatMap(namesIn)];
}

for (const option of clientMessageSchema.options) {
  const type = option.shape.type.value;
  const schema = schemaOf(option, 'input');

  test(`the client message ${type} stands in PROTOCOL.md as in its schema`, () => {
    const text = section(`### \`${type}\``);
    const both = CLIENT_MESSAGE_TYPES.plain.includes(type as never);
    expect(text.trimStart().startsWith(both ? 'Both profiles.' : 'Only `parley.v1`.')).toBe(true);
    const { properties = {}, required = [] } = dataOf(schema);
    expect(namedIn(text)).toEqual(Object.keys(properties).sort());
    for (const [name = '', kind = '', needed] of rows(text)) {
      const field = properties[name.slice(1, -1)] ?? {};
      expect(needed === 'yes', name).toBe(required.includes(name.slice(1, -1)));
      expect(hasBounds(kind, field), `${name}: ${kind}`).toBe(true);
    }
    for (const name of namesIn(dataOf(schema))) expect(text).toContain(`\`${name}\``);
  });
}

for (const option of serverMessageSchema.options) {
  const type = option.shape.type.value;
  const schema = schemaOf(option, 'output');

  test(`the server message ${type} stands in PROTOCOL.md as in its schema`, () => {
    const text = section(HEADINGS[type] ?? `### \`${type}\``);
    const both = SERVER_MESSAGE_TYPES.plain.includes(type as never);
    expect(text.trimStart().startsWith(both ? 'Both profiles.' : 'Only `parley.v1`.')).toBe(true);
    const { properties = {}, required = [] } = dataOf(schema);
    expect(namedIn(text)).toEqual(Object.keys(properties).sort());
    for (const [name = '', kind = '', when = ''] of rows(text)) {
      const field = properties[name.slice(1, -1)] ?? {};
      expect(when.startsWith('always'), name).toBe(required.includes(name.slice(1, -1)));
      expect(hasBounds(kind, field), `${name}: ${kind}`).toBe(true);
      for (const value of field.enum ?? []) expect(`${kind}${text}`).toContain(`${value}`);
    }
    const history = dataOf(schema).properties?.history;
    for (const name of namesIn(dataOf(schema))) {
      const where = history && namesIn(history).includes(name) ? prose : text;
      expect(where, name).toContain(`\`${name}\``);
    }
  });
}

test('the envelope has the fields of the schema', () => {
  const fields = serverMessageSchema.options.flatMap((option) => Object.keys(option.shape));
  expect(namedIn(section('## The envelope'))).toEqual([...new Set(fields)].sort());
  expect(section('## The envelope')).toContain(`1 to ${LIMITS.idLength} printable`);
});

test('[R12] the error table is the one of codes.ts', () => {
  expect(rows(section('## Error codes'))).toEqual(
    Object.entries(ERROR_CODES).map(([code, { status, retryable, description }]) => [
      `\`${code}\``,
      String(status),
      retryable ? 'yes' : 'no',
      description,
    ]),
  );
});

test('[R12] the close table is the one of codes.ts', () => {
  expect(rows(section('## Close codes'))).toEqual(
    Object.entries(CLOSE_CODES).map(([code, { reconnect, description }]) => [
      code,
      reconnect ? 'yes' : 'no',
      description,
    ]),
  );
});

test('[R8] the limits are those of the settings', () => {
  const config = parseOptions({});
  for (const [limit = '', number = '', , setting = ''] of rows(section('## Limits'))) {
    if (setting === '') continue;
    const value = config[setting.slice(1, -1) as keyof typeof config];
    const digits = number.replaceAll(',', '');
    const written = digits.endsWith(' min') ? Number.parseInt(digits, 10) * 60_000 : digits;
    expect(Number.parseInt(String(written), 10), limit).toBe(value);
  }
  expect(prose).toContain(`every ${config.pingInterval / 1_000} s`);
  expect(prose).toContain(`nothing was heard for ${config.idleTimeout / 1_000} s`);
  expect(prose).toContain(`nothing taken for ${config.stallTimeout / 1_000} s`);
  expect(prose).toContain(`finish for ${config.drainTimeout / 1_000} s`);
  expect(prose).toContain(`up to ${config.maxOutboxBytes.toLocaleString('en')} bytes`);
  expect(prose).toContain(`more than ${LIMITS.replayEvents} events`);
  expect(prose).toContain(`at most ${LIMITS.historyEvents} events`);
});

test('the page names no message, field, code or setting that there is not', () => {
  const schemas = [
    ...clientMessageSchema.options.map((option) => schemaOf(option, 'input')),
    ...serverMessageSchema.options.map((option) => schemaOf(option, 'output')),
  ];
  const known = new Set<string>([
    ...CLIENT_MESSAGE_TYPES['parley.v1'],
    ...SERVER_MESSAGE_TYPES['parley.v1'],
    ...schemas.flatMap(namesIn),
    ...Object.keys(ERROR_CODES),
    ...SETTINGS,
  ]);
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);
  const names = spans.filter((span) =>
    /^(?:[a-z]+(?:_[a-z]+)+|[A-Z]+(?:_[A-Z]+)+|max\w+)$/.test(span),
  );
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
  const closes = [...prose.matchAll(/\bwith (\d{4})\b/g)].map(([, code = '']) => code);
  expect(closes.filter((code) => !(code in CLOSE_CODES))).toEqual([]);
});

test('a link within the page leads to a heading', () => {
  const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, link = '']) => link);
  expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
});
