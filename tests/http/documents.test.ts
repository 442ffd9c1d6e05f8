import {
  CLIENT_MESSAGE_TYPES,
  createMessage,
  SERVER_MESSAGE_TYPES,
  serverMessageSchema,
} from '@parley/protocol';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { createApp } from '../../packages/gateway/src/http/app.ts';
import type { AppDeps } from '../../packages/gateway/src/http/deps.ts';
import { echoAgent } from '../../packages/gateway/src/index.ts';
import { bearer, startGuarded } from '../auth/people.ts';
import { startGateway } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';
import { ask } from './request.ts';

type Tree = { [key: string]: Tree };

/** Every `$ref` of a document. */
function refs(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    key === '$ref' ? [part as string] : refs(part),
  );
}

function resolve(document: Tree, ref: string): unknown {
  let value: Tree | undefined = document;
  for (const step of ref.split('/').slice(1)) value = value?.[step];
  return value;
}

async function documentsOf(http: string) {
  const [openapi, asyncapi, schema] = await Promise.all(
    ['openapi', 'asyncapi', 'schema'].map(async (name) => (await ask(`${http}/${name}.json`)).body),
  );
  return { openapi, asyncapi, schema };
}

test('every reference of the three documents leads somewhere', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  for (const document of Object.values(await documentsOf(http))) {
    const all = refs(document);
    expect(all.length).toBeGreaterThan(10);
    for (const ref of all) expect(resolve(document, ref), ref).toBeDefined();
  }
});

test('OpenAPI has every route of the app, and the app every route of OpenAPI', async () => {
  const app = createApp({ config: {}, originRules: {}, webRoot: undefined } as unknown as AppDeps);
  const served = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !['/', '/ws'].includes(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
  const { http } = await startGateway({ agents: [echoAgent] });
  const { openapi } = await documentsOf(http);
  const methods = (path: string) => Object.keys(openapi.paths[path]);
  const described = Object.keys(openapi.paths).flatMap((path) =>
    methods(path).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.toSorted()).toEqual(served.toSorted());

  for (const path of Object.keys(openapi.paths)) {
    const { headers } = await ask(`${http}${path.replace('{id}', 'x')}`, { method: 'OPTIONS' });
    const allowed = headers.get('allow')?.split(', ') ?? [];
    const own = allowed.filter((method) => method !== 'HEAD' && method !== 'OPTIONS');
    expect(own.toSorted()).toEqual(
      methods(path)
        .map((method) => method.toUpperCase())
        .toSorted(),
    );
  }
});

test('OpenAPI is one by its form: ids, parameters, bodies, answers', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const { openapi } = await documentsOf(http);
  const schema = z.record(z.string(), z.unknown());
  const content = z.record(z.string().includes('/'), z.object({ schema: schema.optional() }));
  const operation = z.strictObject({
    operationId: z.string(),
    summary: z.string().min(1),
    parameters: z
      .array(
        z.strictObject({
          name: z.string(),
          in: z.enum(['path', 'query']),
          required: z.boolean(),
          description: z.string().optional(),
          schema,
        }),
      )
      .optional(),
    requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
    security: z
      .tuple([
        z.strictObject({ token: z.array(z.never()) }),
        z.strictObject({ cookie: z.array(z.never()) }),
      ])
      .optional(),
    responses: z.record(
      z.string().regex(/^\d{3}$/),
      z.strictObject({ description: z.string().min(1), content }),
    ),
  });
  const form = z.strictObject({
    openapi: z.string().regex(/^3\.1\.\d$/),
    info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
    servers: z.array(z.strictObject({ url: z.url() })),
    paths: z.record(
      z.string().startsWith('/'),
      z.partialRecord(z.enum(['get', 'post', 'patch', 'delete']), operation),
    ),
    components: z.strictObject({
      schemas: z.record(z.string().regex(/^[\w.-]+$/), schema),
      securitySchemes: z.strictObject({
        token: z.looseObject({ type: z.literal('http'), scheme: z.literal('bearer') }),
        cookie: z.looseObject({ type: z.literal('apiKey'), in: z.literal('cookie') }),
      }),
    }),
  });
  const { paths } = form.parse(openapi);
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.values(item).map((each) => ({ path, ...each })),
  );
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, parameters = [], responses, security } of operations) {
    expect('401' in responses).toBe(security !== undefined);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = parameters.filter((each) => each.in === 'path');
    expect(declared.map(({ name }) => name)).toEqual(named);
    expect(declared.every(({ required }) => required)).toBe(true);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '403', '500', '503']));
  }
  const chat = openapi.components.schemas['chat.body'];
  expect(chat.required).toEqual(['message']);
  expect(openapi.paths['/api/sessions'].post.requestBody.required).toBe(false);
  expect(openapi.paths['/api/chat'].post.requestBody.required).toBe(true);
  expect(openapi.paths['/api/sessions'].get.parameters[2]).toMatchObject({
    name: 'limit',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 1_000, default: 50 },
  });
});

test('what is answered is what OpenAPI says', async () => {
  const { http, ws } = await startGateway({ agents: [echoAgent] });
  const guarded = await startGuarded(['alice']);
  await TestSocket.open(ws);
  const { openapi } = await documentsOf(http);
  const { data } = (await ask(`${http}/api/chat`, { body: { message: 'hi' } })).body;
  const session = `/api/sessions/${data.session_id}`;
  const invited = (await ask(`${http}${session}/invitations`, { body: {} })).body.data;
  const connections = (await ask(`${http}/api/monitor/connections`)).body.data;
  const [{ id: connection }] = connections.connections;
  const monitor = `${http}/api/monitor`;
  const drain = `${monitor}/nodes/${connections.node}/drain`;
  // Before the server is drained, which is the last that is asked of it.
  const error = (await ask(`${http}/api/sessions/none`)).body;
  const answers = {
    chat: data,
    health: (await ask(`${http}/api/health`)).body.data,
    ready: (await ask(`${http}/readyz`)).body.data,
    config: (await ask(`${http}/api/config`)).body.data,
    whoAmI: (await ask(`${http}/api/me`)).body.data,
    signIn: (
      await ask(`${guarded.http}/api/sign-in`, { body: {}, ...bearer(guarded.tokens.alice ?? '') })
    ).body.data,
    signOut: (await ask(`${http}/api/sign-out`, { body: {} })).body.data,
    createTicket: (await ask(`${http}/api/tickets`, { body: {} })).body.data,
    listAgents: (await ask(`${http}/api/agents`)).body.data,
    listSessions: (await ask(`${http}/api/sessions`)).body.data,
    createSession: (await ask(`${http}/api/sessions`, { body: {} })).body.data,
    getSession: (await ask(`${http}${session}`)).body.data,
    readMessages: (await ask(`${http}${session}/messages`)).body.data,
    search: (await ask(`${http}/api/search?q=hi`)).body.data,
    updateSession: (await ask(`${http}${session}`, { method: 'PATCH', body: { title: 't' } })).body
      .data,
    invite: invited,
    acceptInvitation: (
      await ask(`${http}/api/invitations`, { body: { invitation: invited.invitation } })
    ).body.data,
    listMembers: (await ask(`${http}${session}/members`)).body.data,
    removeMember: (await ask(`${http}${session}/members/nobody`, { method: 'DELETE' })).body.data,
    withdrawInvitations: (await ask(`${http}${session}/invitations`, { method: 'DELETE' })).body
      .data,
    deleteSession: (await ask(`${http}${session}`, { method: 'DELETE' })).body.data,
    monitor: (await ask(monitor)).body.data,
    listConnections: connections,
    cutConnection: (await ask(`${monitor}/connections/${connection}`, { method: 'DELETE' })).body
      .data,
    drainNode: (await ask(drain, { body: { force: true } })).body.data,
  };
  const named = Object.keys(openapi.components.schemas).filter((name) => name.endsWith('.data'));
  expect(named.toSorted()).toEqual(
    Object.keys(answers)
      .map((name) => `${name}.data`)
      .toSorted(),
  );
  const checker = (name: string) =>
    z.fromJSONSchema({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $ref: `#/$defs/${name}`,
      $defs: JSON.parse(
        JSON.stringify(openapi.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
      ),
    });
  for (const [name, answer] of Object.entries(answers)) {
    expect(checker(`${name}.data`).safeParse(answer).error, name).toBe(undefined);
  }
  expect(checker('Error').safeParse(error).error).toBe(undefined);
});

test('AsyncAPI has a channel for each profile with exactly its messages', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const { asyncapi } = await documentsOf(http);
  expect(asyncapi.asyncapi).toBe('3.0.0');
  expect(asyncapi.servers.this).toEqual({ host: expect.stringContaining(':'), protocol: 'ws' });
  for (const profile of ['plain', 'parley.v1'] as const) {
    const client = CLIENT_MESSAGE_TYPES[profile].map((type) => `client.${type}`);
    const server = SERVER_MESSAGE_TYPES[profile].map((type) => `server.${type}`);
    const { address, messages } = asyncapi.channels[profile];
    expect(address).toBe('/ws');
    expect(Object.keys(messages)).toEqual([...client, ...server]);
    const refsOf = (names: string[]) =>
      names.map((name) => ({ $ref: `#/channels/${profile}/messages/${name}` }));
    const channel = { $ref: `#/channels/${profile}` };
    expect(asyncapi.operations[`${profile}.receive`]).toEqual({
      action: 'receive',
      channel,
      messages: refsOf(client),
    });
    expect(asyncapi.operations[`${profile}.send`]).toEqual({
      action: 'send',
      channel,
      messages: refsOf(server),
    });
  }
  for (const [name, message] of Object.entries<Tree>(asyncapi.components.messages)) {
    expect(message.name).toBe(name.slice(name.indexOf('.') + 1));
    expect(asyncapi.components.schemas[name].properties.type.const).toBe(message.name);
  }
});

test('the JSON Schema takes the messages that the codec makes and takes, and no others', async () => {
  const { http } = await startGateway({ agents: [echoAgent] });
  const { schema } = await documentsOf(http);
  const { $schema, $defs } = schema;
  const checker = (name: string) => z.fromJSONSchema({ $schema, $defs, $ref: `#/$defs/${name}` });
  const client = checker('ClientMessage');
  const server = checker('ServerMessage');
  expect(
    client.safeParse({ type: 'chat_message', session_id: 's', data: { content: 'hi' } }).success,
  ).toBe(true);
  expect(client.safeParse({ type: 'session_join', data: { after_seq: 3 } }).success).toBe(true);
  expect(client.safeParse({ type: 'chat_message', data: {} }).success).toBe(false);
  expect(client.safeParse({ type: 'chat_message', session_id: 'a b', data: {} }).success).toBe(
    false,
  );
  expect(client.safeParse({ type: 'dance', data: {} }).success).toBe(false);

  const tool = createMessage('tool_call', {
    agent_name: 'a',
    tool_call_id: 'c',
    tool_name: 't',
    arguments: { deep: [1, { nested: null }] },
    offset: 0,
  });
  expect(serverMessageSchema.safeParse(tool).success).toBe(true);
  expect(server.safeParse(tool).error).toBe(undefined);
  expect(server.safeParse(createMessage('pong', {}, { reply_to: 'p' })).success).toBe(true);
  expect(server.safeParse({ ...tool, timestamp: 'yesterday' }).success).toBe(false);
});
