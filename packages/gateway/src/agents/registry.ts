/** The agents that this process offers, by name. */
import { ProtocolError } from '@parley/protocol';
import type { Agent } from './agent.ts';

/**
 * @example
 * const registry = new AgentRegistry([echoAgent, simulatorAgent], 'echo');
 * registry.get('simulator')?.description;
 */
export class AgentRegistry {
  readonly defaultName: string;
  readonly #agents = new Map<string, Agent>();

  /**
   * @param defaultName answers where a session names none.
   * @throws {Error} where two agents share a name or none has the default's.
   */
  constructor(agents: readonly Agent[], defaultName: string) {
    for (const agent of agents) this.add(agent);
    if (!this.#agents.has(defaultName)) {
      throw new Error(
        `The default agent ${JSON.stringify(defaultName)} does not exist; ${this.#inventory()}.`,
      );
    }
    this.defaultName = defaultName;
  }

  /** @throws {Error} where there is an agent of this name; nothing has changed then. */
  add(agent: Agent): void {
    if (this.#agents.has(agent.name)) {
      throw new Error(
        `There are two agents named ${JSON.stringify(agent.name)}; ${this.#inventory()}.`,
      );
    }
    this.#agents.set(agent.name, agent);
  }

  get(name: string): Agent | undefined {
    return this.#agents.get(name);
  }

  /** @throws {ProtocolError} `AGENT_NOT_FOUND` */
  need(name: string): Agent {
    const agent = this.get(name);
    if (!agent) throw this.notFound(name);
    return agent;
  }

  /** The refusal of what asks for an agent that is not here. */
  notFound(name: string): ProtocolError {
    return new ProtocolError('AGENT_NOT_FOUND', `There is no agent ${JSON.stringify(name)}.`, {
      details: `Known agents: ${[...this.#agents.keys()].join(', ')}`,
    });
  }

  /** All of them, in the order in which they were added. */
  list(): readonly Agent[] {
    return [...this.#agents.values()];
  }

  #inventory(): string {
    const names = [...this.#agents.keys()];
    return names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  }
}
