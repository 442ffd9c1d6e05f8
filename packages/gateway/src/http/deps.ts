/** What answering HTTP needs of the rest of the gateway. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { ClientAddress, ClientAddresses } from '../address.ts';
import type { AgentRegistry } from '../agents/registry.ts';
import type { Authentication } from '../auth/authentication.ts';
import type { Identity } from '../auth/authenticator.ts';
import type { Config } from '../config.ts';
import type { Limits } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { Exposition } from '../metrics/exposition.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { OriginRules } from '../origin.ts';
import type { Part } from '../readiness.ts';
import type { SessionManager } from '../sessions/session-manager.ts';

export interface AppDeps {
  readonly sessions: SessionManager;
  readonly agents: AgentRegistry;
  readonly config: Config;
  readonly log: Logger;
  readonly authentication: Authentication;
  readonly addresses: ClientAddresses;
  readonly limits: Limits;
  readonly originRules: OriginRules;
  readonly version: string;
  /** Where this server is reached, once it listens. */
  readonly url: () => string;
  /** Each part of what this node needs. */
  readonly readiness: () => Promise<readonly Part[]>;
  readonly metrics: Metrics;
  readonly exposition: Exposition;
  readonly monitor: Monitor;
  /** The directory of the built web page; `undefined`: none is served. */
  readonly webRoot: string | undefined;
}

export interface HttpEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: {
    /** The pattern of the route that answers, for the metrics. */
    route: string;
    /** From where it comes. */
    client: ClientAddress;
    /** Who is asking; `undefined`: it does not say. */
    identity: Identity | undefined;
    /** What it says, by whose ids its line in the log joins up with others. */
    said: { readonly session_id: string; readonly message_id: string } | undefined;
  };
}

export type HttpContext = Context<HttpEnv>;
