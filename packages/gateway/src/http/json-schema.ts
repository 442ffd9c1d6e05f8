/** JSON Schemas from the zod schemas that check what comes in: one source. */
import { clientMessageSchema, serverMessageSchema } from '@parley/protocol';
import * as z from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;
export type Definitions = Readonly<Record<string, JsonSchema>>;

/** AsyncAPI 3.0 builds on draft 7, OpenAPI 3.1 on 2020-12. */
type Target = 'draft-7' | 'draft-2020-12';

export interface DefineOptions {
  /** Where the definitions will stand: `#/components/schemas/`. */
  readonly base: string;
  readonly target: Target;
  /** Whether it is what a client writes (fields with a default may be left out) or what it gets. */
  readonly io: 'input' | 'output';
}

/** The definition of a schema under a name, with those that it refers to beside it. */
export function define(
  name: string,
  schema: z.ZodType,
  { base, target, io }: DefineOptions,
): Definitions {
  const {
    $schema: _,
    $defs = {},
    definitions = {},
    ...own
  } = z.toJSONSchema(schema, { io, target }) as Record<string, Record<string, unknown>>;
  const parts = Object.entries({ ...$defs, ...definitions });
  const all = {
    [name]: own,
    ...Object.fromEntries(parts.map(([part, value]) => [`${name}.${part}`, value])),
  };
  const text = JSON.stringify(all).replaceAll(
    /"\$ref":"#\/(?:\$defs|definitions)\//g,
    `"$ref":"${base}${name}.`,
  );
  return JSON.parse(text);
}

/** Names as in `client.chat_message`: the two directions share names of types. */
export function defineMessages(options: Omit<DefineOptions, 'io'>): {
  readonly definitions: Definitions;
  readonly client: readonly string[];
  readonly server: readonly string[];
} {
  const client = clientMessageSchema.options.map((schema) => ({
    name: `client.${schema.shape.type.value}`,
    schema,
  }));
  const server = serverMessageSchema.options.map((schema) => ({
    name: `server.${schema.shape.type.value}`,
    schema,
  }));
  return {
    client: client.map(({ name }) => name),
    server: server.map(({ name }) => name),
    definitions: Object.assign(
      {},
      ...client.map(({ name, schema }) => define(name, schema, { ...options, io: 'input' })),
      ...server.map(({ name, schema }) => define(name, schema, { ...options, io: 'output' })),
    ),
  };
}

let wire: JsonSchema | undefined;

/** Every message of both directions as one JSON Schema. */
export function wireSchema(): JsonSchema {
  wire ??= makeWireSchema();
  return wire;
}

function makeWireSchema(): JsonSchema {
  const base = '#/$defs/';
  const { definitions, client, server } = defineMessages({ base, target: 'draft-2020-12' });
  const oneOf = (names: readonly string[]) => ({
    oneOf: names.map((name) => ({ $ref: `${base}${name}` })),
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: "Messages of Parley's WebSocket protocol",
    anyOf: [{ $ref: `${base}ClientMessage` }, { $ref: `${base}ServerMessage` }],
    $defs: { ClientMessage: oneOf(client), ServerMessage: oneOf(server), ...definitions },
  };
}
