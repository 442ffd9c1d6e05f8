/** The documents that describe the API and the wire. They are made when they are first asked for. */
import { defineRoute, type Route } from './route.ts';

export const documentRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/openapi.json',
    name: 'openApi',
    summary: 'This document.',
    access: 'everyone',
    produces: ['application/json'],
    errors: [],
    async handle({ version, url }) {
      const { openApi } = await import('./openapi.ts');
      return asDocument(openApi(version, url()));
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/asyncapi.json',
    name: 'asyncApi',
    summary: 'The WebSocket endpoint, as AsyncAPI.',
    access: 'everyone',
    produces: ['application/json'],
    errors: [],
    async handle({ version, url }) {
      const { asyncApi } = await import('./asyncapi.ts');
      return asDocument(asyncApi(version, url()));
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/schema.json',
    name: 'wireSchema',
    summary: 'Every message of the WebSocket, as JSON Schema.',
    access: 'everyone',
    produces: ['application/schema+json'],
    errors: [],
    async handle() {
      const { wireSchema } = await import('./json-schema.ts');
      return asDocument(wireSchema(), 'application/schema+json');
    },
  }),
];

function asDocument(document: object, type = 'application/json'): Response {
  return Response.json(document, {
    headers: { 'Content-Type': type, 'Cache-Control': 'no-cache' },
  });
}
