/**
 * Parley as a library: `createGateway` puts agents behind a WebSocket, `defineAgent` makes an agent out
 * of a function, `defineConfig` types a `parley.config.ts`.
 */
export {
  type Agent,
  type AgentAnswer,
  type AgentContext,
  type AgentDefinition,
  type AgentEvent,
  type AgentInput,
  type ChatTurn,
  defineAgent,
  type OnInterrupt,
} from './agents/agent.ts';
export { echoAgent } from './agents/echo.ts';
export { createModelAgent, type ModelAgentOptions } from './agents/model.ts';
export { simulatorAgent } from './agents/simulator.ts';
export type { Authenticate, Authenticated, AuthenticateInput } from './auth/function.ts';
export { type Config, ConfigError, defineConfig } from './config.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
export type { Logger } from './log.ts';
export { StoreError } from './stores/store.ts';
