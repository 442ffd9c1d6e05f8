/** The HTTP API as an OpenAPI 3.1 document, made of the routes and the schemas that check requests. */
import { ERROR_CODES, type ErrorCode } from '@parley/protocol';
import { SIGNED_IN } from '../auth/authenticator.ts';
import { type Definitions, define, type JsonSchema } from './json-schema.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';
import { errorBody } from './schemas.ts';

const SCHEMAS = '#/components/schemas/';
const OPTIONS = { base: SCHEMAS, target: 'draft-2020-12' } as const;

/** What every route may answer with, beside its own. */
const COMMON: readonly ErrorCode[] = [
  'ORIGIN_NOT_ALLOWED',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'STORE_UNAVAILABLE',
];
/** What a route that is not for everyone may answer with. */
const OF_KNOWN: readonly ErrorCode[] = ['UNAUTHORIZED', 'AUTH_UNAVAILABLE'];
/** What a route that takes a body may answer with. */
const OF_BODIES: readonly ErrorCode[] = ['INVALID_JSON', 'INVALID_MESSAGE', 'MESSAGE_TOO_LARGE'];

/** How a request says who is asking. */
const SECURITY_SCHEMES = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token, or a JWT. Not where `auth` is `none`.',
  },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: SIGNED_IN,
    description: 'What a browser has after `signIn`. With `auth: anonymous` it gets one by itself.',
  },
} as const;

let fixed: JsonSchema | undefined;

/** @param url where the server is reached. */
export function openApi(version: string, url: string): JsonSchema {
  fixed ??= makeFixed();
  return {
    openapi: '3.1.1',
    info: {
      title: 'Parley',
      version,
      description:
        "The HTTP API beside Parley's WebSocket. Each route that takes GET takes HEAD as well.",
    },
    servers: [{ url }],
    ...fixed,
  };
}

function makeFixed(): JsonSchema {
  const schemas: Record<string, JsonSchema> = {
    ...define('Error', errorBody, { ...OPTIONS, io: 'output' }),
  };
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of ROUTES) {
    const { path, method, name, data, body } = route;
    if (data) Object.assign(schemas, define(`${name}.data`, data, { ...OPTIONS, io: 'output' }));
    if (body) Object.assign(schemas, define(`${name}.body`, body, { ...OPTIONS, io: 'input' }));
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(route) };
  }
  return { paths, components: { schemas, securitySchemes: SECURITY_SCHEMES } };
}

function operation(route: Route): JsonSchema {
  const { name, summary, body } = route;
  const parameters = [...parametersOf(route, 'path'), ...parametersOf(route, 'query')];
  return {
    operationId: name,
    summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? {
          requestBody: {
            required: !body.safeParse(undefined).success,
            content: { 'application/json': { schema: { $ref: `${SCHEMAS}${name}.body` } } },
          },
        }
      : {}),
    ...(route.access === 'everyone' ? {} : { security: [{ token: [] }, { cookie: [] }] }),
    responses: { 200: successOf(route), ...errorsOf(route) },
  };
}

function parametersOf({ params, query }: Route, place: 'path' | 'query'): JsonSchema[] {
  const schema = place === 'path' ? params : query;
  if (!schema) return [];
  const { parameters } = define('parameters', schema, { ...OPTIONS, io: 'input' }) as {
    parameters: { properties: Definitions; required?: readonly string[] };
  };
  return Object.entries(parameters.properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: parameters.required?.includes(name) ?? false,
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function successOf({ name, data, produces = [] }: Route): JsonSchema {
  const wrapped = {
    type: 'object',
    properties: { status: { const: 'success' }, data: { $ref: `${SCHEMAS}${name}.data` } },
    required: ['status', 'data'],
  };
  return {
    description: 'It worked.',
    content: {
      ...(data ? { 'application/json': { schema: wrapped } } : {}),
      ...Object.fromEntries(produces.map((type) => [type, {}])),
    },
  };
}

/** By HTTP status, each with the codes that it may stand for. */
function errorsOf({ errors, body, access }: Route): Record<string, JsonSchema> {
  const codes = new Set([
    ...errors,
    ...(body ? OF_BODIES : []),
    ...(access === 'everyone' ? [] : OF_KNOWN),
    ...(access === 'admin' ? (['FORBIDDEN'] as const) : []),
    ...COMMON,
  ]);
  const byStatus = Map.groupBy(codes, (code) => ERROR_CODES[code].status);
  const answers = [...byStatus].map(([status, group]) => [status, errorAnswer(group)] as const);
  return {
    ...Object.fromEntries(answers),
    ...(body ? { 415: errorAnswer(['INVALID_MESSAGE']) } : {}),
  };
}

function errorAnswer(codes: readonly ErrorCode[]): JsonSchema {
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].description}`).join('\n\n'),
    content: { 'application/json': { schema: { $ref: `${SCHEMAS}Error` } } },
  };
}
