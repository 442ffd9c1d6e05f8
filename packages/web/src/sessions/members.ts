/** Who is in a chat, as the server tells it. */

export interface People {
  readonly owner: string;
  readonly members: readonly { readonly id: string; readonly access: 'read' | 'write' }[];
  /** The one who asks. */
  readonly me: string;
  /** Also takes others out. */
  readonly mayInvite: boolean;
}

/** @throws {Error} where it was refused, or the server cannot be reached. */
export async function loadPeople(sessionId: string): Promise<People> {
  const [session, me] = await Promise.all([
    request<Pick<People, 'owner' | 'members'>>(membersOf(sessionId)),
    request<{ id: string; is_admin: boolean }>('/api/me'),
  ]);
  const mayInvite = me.is_admin || me.id === session.owner;
  return { owner: session.owner, members: session.members, me: me.id, mayInvite };
}

/**
 * Takes somebody out of it, who may be oneself.
 *
 * @throws {Error} where it was refused, or the server cannot be reached.
 */
export async function removeMember(sessionId: string, id: string): Promise<void> {
  await request(`${membersOf(sessionId)}/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

function membersOf(sessionId: string): string {
  return `/api/sessions/${encodeURIComponent(sessionId)}/members`;
}

async function request<Data>(path: string, options?: RequestInit): Promise<Data> {
  const response = await fetch(path, options);
  if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
  return ((await response.json()) as { data: Data }).data;
}
