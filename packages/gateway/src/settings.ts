/**
 * Every setting of Parley, once: its type, bounds, default and description. The flags, the
 * environment variables, `parley.config.ts`, the options of `createGateway` and `--help` all derive
 * from what stands here.
 */
import * as z from 'zod';
import { isAddressRange } from './address.ts';
import { choice, count, duration, infos, list, type SettingInfo } from './setting-kinds.ts';

const CENTURY = 36_525 * 86_400_000;
/** Well below the longest string of the engine (2^29), so that a message of this size can be decoded. */
const MOST_BYTES = 268_435_456;
/** A bucket of ten seconds of it is still counted exactly. */
const MOST_RATE = 1_000_000_000;

const webUrl = z.url({ protocol: /^https?$/ }).refine((value) => {
  const url = URL.parse(value);
  // `fetch` refuses them, and they would end up in logs.
  return url !== null && url.username === '' && url.password === '';
});

/** An origin exactly as a browser writes it: lower case, and no port where it is the scheme's own. */
function isOrigin(value: string): boolean {
  if (value === '*') return true;
  if (/^https?:/.test(value)) return URL.parse(value)?.origin === value;
  return /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,]+$/.test(value);
}

function isStore(value: string): boolean {
  if (value === 'sqlite:' || value === 'memory:') return true;
  return /^postgres(?:ql)?:\/\//.test(value) && URL.canParse(value);
}

function isBus(value: string): boolean {
  return value === 'memory:' || (/^rediss?:\/\//.test(value) && URL.canParse(value));
}

const printable = z.string().regex(/^[\x21-\x7e]{1,128}$/);
const hostName = z
  .string()
  .toLowerCase()
  .regex(/^(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/);
const path = z.string().regex(/^[^\0]+$/);
const address = z.string().regex(/^[^\s/\0]+$/);

/** The settings under the headings of `--help`. */
export const SETTING_GROUPS = {
  Server: {
    port: count(8080, 'port', 'Port to listen on; 0 takes a free one.', { min: 0, max: 65_535 }),
    host: address.default('127.0.0.1').register(infos, {
      kind: 'text',
      about: 'Address to listen on; 0.0.0.0 is every IPv4 address of the machine.',
      expected: 'an address or a host name',
    }),
    dataDir: path.default('./data').register(infos, {
      kind: 'text',
      about: 'Directory for everything that is kept; created where there is none.',
      expected: 'the path of a directory',
    }),
    store: z.string().refine(isStore).default('sqlite:').register(infos, {
      kind: 'text',
      about:
        'Where sessions are kept: sqlite: in the data directory, memory: nowhere, or postgres://… of a server.',
      expected: 'sqlite:, memory:, or postgres://user:password@host:port/database',
    }),
    bus: z.string().refine(isBus).default('memory:').register(infos, {
      kind: 'text',
      about:
        'How nodes that share a store hear each other: memory: where there is one, or redis://… of a server.',
      expected: 'memory:, or redis://user:password@host:port/database (rediss:// by TLS)',
    }),
    role: choice(
      ['all', 'gateway', 'worker'],
      'all',
      'Of several nodes: gateway: has the connections; worker: runs the agents; all: does both.',
    ),
    agent: printable.default('guide').register(infos, {
      kind: 'text',
      about: 'Name of the agent that answers where a session names none.',
      expected: 'the name of an agent: 1 to 128 printable ASCII characters without spaces',
    }),
    origins: list(
      z.string().refine(isOrigin),
      [],
      'Further origins whose pages may connect; * is every page of the web.',
      'origins as browsers send them, scheme://host or scheme://host:port, in lower case, or *',
    ),
    hosts: list(
      hostName,
      [],
      'Names that the server answers to, beside localhost, 127.0.0.1 and [::1].',
      'host names without scheme and port',
    ),
    frameAncestors: list(
      z.string().refine((value) => /^https?:[^*;,']+$/.test(value) && isOrigin(value)),
      [],
      'Origins whose pages may show the chat in a frame; none unless told.',
      'origins as browsers send them, https://host or https://host:port, in lower case',
    ),
    trustedProxies: list(
      z.string().refine(isAddressRange),
      [],
      'Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.',
      'addresses or CIDR ranges such as 10.0.0.0/8',
    ),
    tlsCertFile: path.optional().register(infos, {
      kind: 'text',
      about: 'A certificate in PEM, with those above it: then the server speaks https and wss.',
      expected: 'the path of a file',
    }),
    tlsKeyFile: path.optional().register(infos, {
      kind: 'text',
      about: 'Its key in PEM. Both are read again when they change.',
      expected: 'the path of a file',
    }),
    compression: choice(
      ['off', 'on'],
      'off',
      'on: messages of 1 kB or more are compressed for clients that offer it.',
    ),
    traces: choice(
      ['off', 'on'],
      'off',
      'on: a span for each answer, by OpenTelemetry; where to is said by OTEL_EXPORTER_OTLP_ENDPOINT.',
    ),
    logLevel: choice(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'info',
      'The least to log: fatal, error, warn, info, debug, trace; silent: nothing.',
    ),
  },
  'Who is asking': {
    auth: choice(
      ['none', 'anonymous', 'token'],
      'none',
      'none: whoever reaches this machine; anonymous: each browser by a cookie; token: who has one.',
    ),
    tokensFile: path.optional().register(infos, {
      kind: 'text',
      about: 'A file of the hashes of tokens; parley token makes a line of it.',
      expected: 'the path of a file',
    }),
    jwtSecret: z.string().min(32).optional().register(infos, {
      kind: 'text',
      about: 'Checks JWTs that were signed with it (HS256, HS384, HS512).',
      expected: 'at least 32 characters',
      secret: true,
    }),
    jwtPublicKeyFile: path.optional().register(infos, {
      kind: 'text',
      about: 'A public key in PEM; checks JWTs that were signed with its other half.',
      expected: 'the path of a file',
    }),
    oidcIssuer: webUrl.optional().register(infos, {
      kind: 'text',
      about: 'An OpenID provider; checks JWTs with the keys that it publishes. Needs jwtAudience.',
      expected: 'a http or https URL without user name and password',
    }),
    jwtIssuer: z.string().min(1).optional().register(infos, {
      kind: 'text',
      about: 'What iss of a JWT has to be.',
      expected: 'text that is not empty',
    }),
    jwtAudience: z.string().min(1).optional().register(infos, {
      kind: 'text',
      about: 'What aud of a JWT has to be, or has to have in it.',
      expected: 'text that is not empty',
    }),
    admins: list(printable, [], 'Who may do in every session what its owner may.', 'ids of people'),
    signingKeys: z.array(z.string().min(32)).readonly().prefault([]).register(infos, {
      kind: 'list',
      about:
        'Sign cookies and invitations: the first one; all are believed. Left out: one kept in the data directory.',
      expected: 'keys of at least 32 characters (several: separated by commas, in a file an array)',
      secret: true,
    }),
  },
  Limits: {
    maxConnections: count(10_000, 'connections', 'Connections at once.'),
    maxMessageBytes: count(65_536, 'bytes', 'Soft limit of a message in parley.v1.', {
      max: MOST_BYTES,
    }),
    maxPlainMessageBytes: count(512, 'bytes', 'Soft limit of a message without a subprotocol.', {
      max: MOST_BYTES,
    }),
    hardMessageBytes: count(1_048_576, 'bytes', 'A larger message ends its connection (1009).', {
      max: MOST_BYTES,
    }),
    messageRate: count(
      50,
      'messages a second',
      'From one connection, ten times as many at once; 0 is no limit.',
      {
        min: 0,
        max: MOST_RATE,
      },
    ),
    byteRate: count(
      262_144,
      'bytes a second',
      'From one connection, ten times as many at once; 0 is no limit.',
      {
        min: 0,
        max: MOST_RATE,
      },
    ),
    personRate: count(
      100,
      'messages a second',
      'From one person, requests too, counted over ten seconds; 0 is no limit.',
      { min: 0, max: MOST_RATE },
    ),
    addressRate: count(
      500,
      'messages a second',
      'From one address, requests too, counted over ten seconds; 0 is no limit.',
      { min: 0, max: MOST_RATE },
    ),
    maxFailedAttempts: count(
      10,
      'failures a minute',
      'Wrong tokens from one address a minute, then none is looked at; 0 is no limit.',
      { min: 0 },
    ),
    maxConnectionsPerAddress: count(
      500,
      'connections',
      'At once from one address; 0 is no limit.',
      { min: 0 },
    ),
    maxConnectionsPerPerson: count(50, 'connections', 'At once of one person; 0 is no limit.', {
      min: 0,
    }),
    maxSessionsPerPerson: count(
      10_000,
      'sessions',
      'That one person may have before no more are created; 0 is no limit.',
      { min: 0 },
    ),
    maxRunsPerPerson: count(
      16,
      'runs',
      'Answers of one person, those that wait too; 0 is no limit.',
      { min: 0 },
    ),
    maxOutboxBytes: count(1_048_576, 'bytes', 'Waiting to be sent to one connection.'),
    maxSessionsPerConnection: count(32, 'sessions', 'Joined at once by one connection.'),
    maxRuns: count(64, 'runs', 'Answers being written at once, in all.'),
    maxQueuedRuns: count(100, 'runs', 'Messages waiting for their turn in one session.'),
    maxAnswerLength: count(1_000_000, 'characters', 'The longest answer; a longer one is ended.', {
      max: MOST_BYTES,
    }),
  },
  Times: {
    runTimeout: duration('10m', 'The longest that an agent may take for one answer.'),
    pingInterval: duration('25s', 'Between two pings to a connection.'),
    idleTimeout: duration(
      '60s',
      'A connection that says nothing for so long, no pong even, is ended.',
    ),
    stallTimeout: duration(
      '60s',
      'A reader that takes nothing for so long while data waits is cut.',
    ),
    authTimeout: duration('10s', 'A connection that has not said who is asking by then is ended.'),
    drainTimeout: duration('10s', 'Given to running answers when the server stops.'),
  },
  'What is kept': {
    emptySessionTtl: duration('24h', 'A session without a message goes after this; 0 is never.', {
      min: 0,
      max: CENTURY,
    }),
    sessionTtl: duration('0', 'A conversation idle this long goes; 0 is never.', {
      min: 0,
      max: CENTURY,
    }),
    maxSessions: count(0, 'sessions', 'Kept of each owner, the latest; 0 is no limit.', { min: 0 }),
    maxEvents: count(0, 'events', 'Kept of each session, the newest; 0 is no limit.', { min: 0 }),
    cleanupInterval: duration('1h', 'Between two clean-ups.'),
  },
  Models: {
    modelBaseUrl: webUrl.optional().register(infos, {
      kind: 'text',
      about: 'An OpenAI-compatible server, with its /v1; or OPENAI_BASE_URL.',
      expected: 'a http or https URL without user name and password',
    }),
    modelApiKey: z.string().min(1).optional().register(infos, {
      kind: 'text',
      about: 'Its key; or OPENAI_API_KEY.',
      expected: 'text that is not empty',
      secret: true,
    }),
    models: list(z.string().trim().min(1), [], 'Models to offer as agents.', 'names of models'),
    ollamaUrl: z
      .union([z.literal(''), webUrl])
      .default('http://127.0.0.1:11434')
      .register(infos, {
        kind: 'text',
        about: "Where a local Ollama is looked for; '' does not look.",
        expected: "a http or https URL without user name and password, or ''",
      }),
  },
} as const;

/** The schema of each setting by name. */
export const shape = {
  ...SETTING_GROUPS.Server,
  ...SETTING_GROUPS['Who is asking'],
  ...SETTING_GROUPS.Limits,
  ...SETTING_GROUPS.Times,
  ...SETTING_GROUPS['What is kept'],
  ...SETTING_GROUPS.Models,
};

export type SettingName = keyof typeof shape;

/** The names of all settings, as a file and `createGateway` write them. */
export const SETTINGS = Object.keys(shape) as readonly SettingName[];

export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(shape, name);
}

/** Of a setting everything that its schema knows. */
export function settingInfo(name: SettingName): SettingInfo {
  const info = infos.get(shape[name]);
  if (!info) throw new Error(`The setting ${name} has no description.`);
  return info;
}
