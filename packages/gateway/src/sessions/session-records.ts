/** The record of a session as this node knows it: looked up for whoever may, and told where it changes. */
import { authorize, mayDo, type Operation } from '../auth/access.ts';
import type { Principal } from '../auth/principal.ts';
import type { SessionRecord, Store } from '../stores/store.ts';
import type { Hub } from './hub.ts';
import { audienceOf, sessionStatus } from './session-status.ts';

export class SessionRecords {
  readonly #store: Store;
  readonly #hub: Hub;

  constructor(store: Store, hub: Hub) {
    this.#store = store;
    this.#hub = hub;
  }

  /**
   * As it is known here, to whom it lets do this. `undefined`: the store is to be asked; another session may have
   * its id since.
   */
  known(principal: Principal, id: string, operation: Operation): SessionRecord | undefined {
    const record = this.#hub.get(id)?.record;
    return record && mayDo(principal, record, operation) ? record : undefined;
  }

  /** @throws {ProtocolError} `SESSION_NOT_FOUND`, `FORBIDDEN` */
  async get(principal: Principal, id: string, operation: Operation): Promise<SessionRecord> {
    const known = this.known(principal, id, operation);
    if (known) return known;
    const record = await this.#store.getSession(id);
    authorize(principal, record, operation, id);
    return record;
  }

  /** The same as it is in the store: another node may have changed it a moment ago. */
  async read(principal: Principal, id: string, operation: Operation): Promise<SessionRecord> {
    const record = await this.#store.getSession(id);
    if (record) this.#hub.learn(record);
    authorize(principal, record, operation, id);
    return record;
  }

  /** Takes a change that is on disk, and tells everyone who may see the session. */
  changed(record: SessionRecord): void {
    const audience = audienceOf(record);
    this.#hub.publish(record.incarnation, sessionStatus(record, 'active'), { audience, record });
  }
}
