/** Who else may see a session or write in it: let in by an invitation, taken out again. */
import { ProtocolError } from '@parley/protocol';
import { accessAsMember, type Invitation, noInvitation } from '../auth/access.ts';
import { type Principal, sessionNotFound } from '../auth/principal.ts';
import {
  type SessionIdentity,
  type SessionRecord,
  STORE_LIMITS,
  type Store,
} from '../stores/store.ts';
import type { Hub } from './hub.ts';
import type { SessionRecords } from './session-records.ts';

export class Members {
  readonly #store: Store;
  readonly #hub: Hub;
  readonly #records: SessionRecords;

  constructor(
    { store, hub }: { readonly store: Store; readonly hub: Hub },
    records: SessionRecords,
  ) {
    this.#store = store;
    this.#hub = hub;
    this.#records = records;
  }

  /**
   * Makes somebody a member, or gives a member more; never less than they may already.
   *
   * @throws {ProtocolError} `SESSION_NOT_FOUND`; `FORBIDDEN` where the invitation was withdrawn.
   */
  async admit(principal: Principal, invitation: Invitation): Promise<SessionRecord> {
    const { sessionId: id, access, invitationEpoch } = invitation;
    const record = await this.#store.getSession(id);
    if (!record) throw sessionNotFound(id);
    if (record.invitationEpoch !== invitationEpoch) throw noInvitation();
    const may = accessAsMember(principal, record);
    if (may === 'manage' || may === 'write' || may === access) return record;
    const updated = await this.#store
      .addMember(id, principal.id, access, invitationEpoch)
      .catch((error) => {
        if (!(error instanceof RangeError)) throw error;
        throw new ProtocolError('FORBIDDEN', error.message, { limit: STORE_LIMITS.members });
      });
    if (!updated) throw sessionNotFound(id);
    // Withdrawn since the record was read: nobody was added.
    if (updated.invitationEpoch !== invitationEpoch) throw noInvitation();
    this.#records.changed(updated);
    return updated;
  }

  /** What was given out so far lets nobody in any more. */
  async withdrawInvitations(principal: Principal, id: string): Promise<void> {
    const record = await this.#records.get(principal, id, 'manage');
    this.#records.changed(await this.#withdraw(record));
  }

  async #withdraw(session: SessionIdentity): Promise<SessionRecord> {
    const updated = await this.#store.withdrawInvitations(session);
    if (!updated) throw sessionNotFound(session.id);
    return updated;
  }

  /**
   * Takes a member out, who does not come back by an invitation that was given out before; anybody may
   * take out themselves.
   */
  async expel(principal: Principal, id: string, person: string): Promise<void> {
    const isOneself = principal.id === person;
    const known = await this.#records.get(principal, id, isOneself ? 'read' : 'manage');
    // Nobody comes in by an invitation from here on: who is in it now are all that there are.
    const before = isOneself ? known : await this.#withdraw(known);
    const updated = await this.#store.removeMember(known, person);
    if (!updated) throw sessionNotFound(id);
    this.#records.changed(updated);
    if (Object.hasOwn(before.members, person)) this.#hub.endFor(updated, person);
  }
}
