/** The WebSocket endpoint as an AsyncAPI 3.0 document: a channel for each profile. */
import {
  CLIENT_MESSAGE_TYPES,
  CLOSE_CODES,
  ERROR_CODES,
  type Profile,
  SERVER_MESSAGE_TYPES,
  SUBPROTOCOL,
} from '@parley/protocol';
import { defineMessages, type JsonSchema } from './json-schema.ts';

const SCHEMAS = '#/components/schemas/';
const MESSAGES = '#/components/messages/';

let fixed: JsonSchema | undefined;

/** @param url where the server is reached. */
export function asyncApi(version: string, url: string): JsonSchema {
  fixed ??= makeFixed();
  const { host, protocol } = new URL(url);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parley',
      version,
      description: 'The real-time layer between people and AI agents.',
    },
    servers: { this: { host, protocol: protocol === 'https:' ? 'wss' : 'ws' } },
    ...fixed,
  };
}

function makeFixed(): JsonSchema {
  const { definitions, client, server } = defineMessages({ base: SCHEMAS, target: 'draft-7' });
  const messages = [...client, ...server].map((name) => [
    name,
    {
      name: name.slice(name.indexOf('.') + 1),
      contentType: 'application/json',
      payload: { $ref: `${SCHEMAS}${name}` },
    },
  ]);
  return {
    defaultContentType: 'application/json',
    channels: {
      plain: {
        ...channel('plain'),
        title: 'The plain profile',
        description: 'For a client that offers no subprotocol.',
      },
      [SUBPROTOCOL]: {
        ...channel(SUBPROTOCOL),
        title: 'The full profile',
        description: `For a client that offers the WebSocket subprotocol ${SUBPROTOCOL}.`,
        bindings: {
          ws: {
            bindingVersion: '0.1.0',
            headers: {
              type: 'object',
              properties: { 'Sec-WebSocket-Protocol': { type: 'string', const: SUBPROTOCOL } },
              required: ['Sec-WebSocket-Protocol'],
            },
          },
        },
      },
    },
    operations: { ...operations('plain'), ...operations(SUBPROTOCOL) },
    components: { messages: Object.fromEntries(messages), schemas: definitions },
    'x-error-codes': ERROR_CODES,
    'x-close-codes': CLOSE_CODES,
  };
}

function clientNames(profile: Profile): string[] {
  return CLIENT_MESSAGE_TYPES[profile].map((type) => `client.${type}`);
}

function serverNames(profile: Profile): string[] {
  return SERVER_MESSAGE_TYPES[profile].map((type) => `server.${type}`);
}

function channel(profile: Profile): JsonSchema {
  const names = [...clientNames(profile), ...serverNames(profile)];
  return {
    address: '/ws',
    messages: Object.fromEntries(names.map((name) => [name, { $ref: `${MESSAGES}${name}` }])),
  };
}

/** AsyncAPI describes the server: what a client sends, it receives. */
function operations(profile: Profile): JsonSchema {
  const operation = (action: 'receive' | 'send', names: readonly string[]) => ({
    action,
    channel: { $ref: `#/channels/${profile}` },
    messages: names.map((name) => ({ $ref: `#/channels/${profile}/messages/${name}` })),
  });
  return {
    [`${profile}.receive`]: operation('receive', clientNames(profile)),
    [`${profile}.send`]: operation('send', serverNames(profile)),
  };
}
