/** The routes that say what this server is, how it does and how to talk to it. */
import { LIMITS, SUBPROTOCOL } from '@parley/protocol';
import { lacking } from '../readiness.ts';
import { errorResponse, HttpRefusal, unixSeconds } from './errors.ts';
import { defineRoute, type Route } from './route.ts';
import * as schema from './schemas.ts';

export const serverRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/health',
    name: 'health',
    summary: 'That the process answers.',
    access: 'everyone',
    data: schema.healthData,
    errors: [],
    async handle({ version }) {
      return {
        status: 'healthy' as const,
        timestamp: unixSeconds(Date.now()),
        server: 'parley' as const,
        version,
        uptime: process.uptime(),
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/readyz',
    name: 'ready',
    summary: 'Whether this node is able to work, part by part; 503 says what it lacks.',
    access: 'everyone',
    data: schema.readyData,
    errors: ['STORE_UNAVAILABLE'],
    async handle({ readiness }) {
      const asked = await readiness();
      const parts = Object.fromEntries(asked.map(({ name, fault }) => [name, fault ?? 'ready']));
      const reasons = lacking(asked).map(([name, fault]) => `${name}: ${fault}`);
      if (reasons.length === 0) return { ready: true as const, parts };
      // Returned, not thrown: it is the answer, and no refusal to be counted.
      return errorResponse(
        new HttpRefusal('INTERNAL_ERROR', `Not ready. ${reasons.join('; ')}`, {
          status: 503,
          data: { ready: false, parts },
        }),
      );
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/config',
    name: 'config',
    summary: 'What this server offers, and its limits.',
    access: 'everyone',
    data: schema.configData,
    errors: [],
    async handle({ authentication, config, url }) {
      return {
        server: { port: portOf(url()), url: url() },
        features: { websocket: true, streaming: true, sessions: true, agents: true } as const,
        subprotocol: SUBPROTOCOL,
        auth: authentication.mode,
        limits: {
          max_message_bytes: config.maxMessageBytes,
          max_plain_message_bytes: config.maxPlainMessageBytes,
          hard_message_bytes: config.hardMessageBytes,
          max_answer_length: config.maxAnswerLength,
          max_queued_runs: config.maxQueuedRuns,
          title_length: LIMITS.titleLength,
        },
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/agents',
    name: 'listAgents',
    summary: 'The agents that answer here.',
    access: 'known',
    data: schema.agentsData,
    errors: [],
    async handle({ agents }) {
      const available = agents
        .list()
        .map(({ name, description, role, capabilities, examples }) => ({
          name,
          description,
          role,
          capabilities: [...capabilities],
          examples: [...examples],
          enabled: true as const,
        }));
      return {
        available,
        total: available.length,
        status: 'integrated' as const,
        default: agents.defaultName,
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/metrics',
    name: 'metrics',
    summary: 'Counters and gauges of this process, for Prometheus.',
    access: 'admin',
    produces: ['text/plain'],
    errors: [],
    async handle({ exposition }) {
      const { contentType, text } = await exposition.render();
      return new Response(text, {
        headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store' },
      });
    },
  }),
];

function portOf(url: string): string {
  const { port, protocol } = new URL(url);
  return port || (protocol === 'https:' ? '443' : '80');
}
