/**
 * What a route is: what it takes and gives, as the schemas that check the requests and that the served
 * OpenAPI document is made of.
 */
import { type ErrorCode, ProtocolError } from '@parley/protocol';
import type * as z from 'zod';
import { unauthorized } from '../auth/authenticator.ts';
import type { Principal } from '../auth/principal.ts';
import { readJson } from './body.ts';
import type { AppDeps, HttpContext } from './deps.ts';

interface RouteInfo {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As OpenAPI writes it: `/api/sessions/{id}`. */
  readonly path: string;
  /** OpenAPI's `operationId`. */
  readonly name: string;
  readonly summary: string;
  /** Who may ask: everyone, whoever is known, or administrators. */
  readonly access: 'everyone' | 'known' | 'admin';
  /** The codes of its own refusals, beside those that every route may answer with. */
  readonly errors: readonly ErrorCode[];
  /** The media types of an answer that is not wrapped. */
  readonly produces?: readonly string[];
}

interface RouteSchemas<Params, Query, Body, Data> {
  readonly params?: Params;
  readonly query?: Query;
  /** Of the JSON body. Where it takes `undefined`, the body may be left out. */
  readonly body?: Body;
  /** Of `data` in a successful answer. */
  readonly data?: Data;
}

export interface RouteRequest<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal;
  readonly context: HttpContext;
}

export interface Route
  extends RouteInfo,
    RouteSchemas<z.ZodObject, z.ZodType, z.ZodType, z.ZodType> {
  readonly answer: (deps: AppDeps, context: HttpContext) => Promise<Response>;
}

export function defineRoute<
  Params extends z.ZodObject,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Data extends z.ZodType,
>(
  route: RouteInfo &
    RouteSchemas<Params, Query, Body, Data> & {
      /** Returns `data`, or a whole response. */
      readonly handle: (
        deps: AppDeps,
        request: RouteRequest<z.output<Params>, z.output<Query>, z.output<Body>>,
      ) => Promise<z.output<Data> | Response>;
    },
): Route {
  const { handle, ...info } = route;
  return {
    ...info,
    async answer(deps, context) {
      const { params, query, body } = route;
      const principal = context.get('identity')?.principal;
      if (route.access !== 'everyone') admit(principal, route.access);
      const result = await handle(deps, {
        params: check(params, context.req.param()),
        query: check(query, context.req.query()),
        body: body && check(body, await readJson(context, deps.config.hardMessageBytes)),
        principal,
        context,
      } as RouteRequest<z.output<Params>, z.output<Query>, z.output<Body>>);
      return result instanceof Response ? result : success(result);
    },
  };
}

/** @throws {ProtocolError} `UNAUTHORIZED`, `FORBIDDEN` */
function admit(principal: Principal | undefined, access: 'known' | 'admin'): void {
  if (!principal)
    throw unauthorized('Who is asking is not known. Send Authorization: Bearer <token>.');
  if (access === 'admin' && !principal.isAdmin) {
    throw new ProtocolError('FORBIDDEN', 'This is for administrators.');
  }
}

export function success(data: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const body = { status: 'success', data };
  return Response.json(body, { headers: { 'Cache-Control': 'no-store', ...headers } });
}

/** @throws {ProtocolError} `INVALID_MESSAGE`, naming each field and what was expected. */
function check(schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || 'body'}: ${issue.message}`);
  throw new ProtocolError('INVALID_MESSAGE', issues.join('; ').slice(0, 500).toWellFormed());
}
