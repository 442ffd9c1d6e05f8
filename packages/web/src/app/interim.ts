/** TEMPORARY: the client's contract over what exists, until the client branch is merged. */
import {
  type AnswerItem,
  type Session as Base,
  createClient as create,
  type MessageItem,
  type Problem,
} from '@parley/client';

export interface SessionSummary {
  readonly id: string;
  readonly title: string | null;
  readonly agent: string;
  readonly lastActivity: number;
  readonly createdAt: number;
  readonly messageCount: number;
  readonly lastSeq: number;
}
export interface SearchHit {
  readonly sessionId: string;
  readonly title: string | null;
  readonly messageId: string;
  readonly seq: number;
  readonly role: 'user' | 'assistant';
  readonly timestamp: number;
  readonly snippet: string;
}
export interface AgentInfo {
  readonly name: string;
  readonly description: string;
  readonly role: string;
  readonly capabilities: readonly string[];
}
export interface SessionListSnapshot {
  readonly status: 'loading' | 'ready' | 'failed';
  readonly sessions: readonly SessionSummary[];
  readonly total: number;
  readonly hasMore: boolean;
  readonly problem?: Problem;
}
export type Session = Base & {
  retry(id: string, text?: string): string;
  loadOlder(): Promise<void>;
};
export function createInterim(url: string) {
  const client = create({ url });
  let snap: SessionListSnapshot = { status: 'loading', sessions: [], total: 0, hasMore: false };
  const ls = new Set<() => void>();
  const set = (s: SessionListSnapshot) => {
    snap = s;
    for (const l of ls) l();
  };
  const api = async (path: string, init?: RequestInit) => {
    const r = await fetch(`/api/${path}`, init);
    const b = await r.json();
    if (b.status !== 'success') throw new Error(b.message);
    return b.data;
  };
  const sum = (s: any): SessionSummary => ({
    id: s.id,
    title: s.title,
    agent: s.agent,
    lastActivity: Date.parse(s.last_used),
    createdAt: Date.parse(s.created_at),
    messageCount: s.messages,
    lastSeq: s.last_seq ?? s.messages,
  });
  const page = async (offset: number) => {
    const d = await api(`sessions?offset=${offset}&limit=100`);
    const sessions = [...(offset ? snap.sessions : []), ...d.sessions.map(sum)];
    set({ status: 'ready', sessions, total: d.total, hasMore: sessions.length < d.total });
  };
  const refresh = () => page(0).catch(() => set({ ...snap, status: 'failed' }));
  void refresh();
  setInterval(refresh, 3000);
  const deco = (s: Base): Session =>
    Object.assign(s, {
      retry(id: string, text?: string) {
        const items = s.transcript.snapshot().items;
        const m = items.find((i): i is MessageItem => i.kind === 'message' && i.id === id);
        if (m?.status === 'failed') s.discard(id);
        return s.send(text ?? m?.text ?? '', m?.status === 'failed' ? {} : { replaces: id });
      },
      async loadOlder() {},
    });
  return {
    get state() {
      return client.state;
    },
    subscribe: client.subscribe.bind(client),
    on(_e: 'message' | 'notice', _l: (m: any) => void) {
      return () => {};
    },
    session: (id?: string) => deco(client.session(id)),
    agents: async () => {
      const d = await api('agents');
      return { agents: d.available as AgentInfo[], default: d.default as string };
    },
    sessions: {
      snapshot: () => snap,
      subscribe: (l: () => void) => {
        ls.add(l);
        return () => {
          ls.delete(l);
        };
      },
      loadMore: () => page(snap.sessions.length),
      refresh,
      rename: async (id: string, title: string) => {
        await api(`sessions/${id}`, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ title }),
        });
        await refresh();
      },
      delete: async (id: string) => {
        await api(`sessions/${id}`, { method: 'DELETE', keepalive: true });
        await refresh();
      },
      search: async (
        q: string,
        { signal }: { limit?: number; signal?: AbortSignal } = {},
      ): Promise<readonly SearchHit[]> =>
        (
          await api(`search?q=${encodeURIComponent(q)}&limit=50`, { signal: signal ?? null })
        ).hits.map((h: any) => ({
          sessionId: h.session_id,
          title: h.title,
          messageId: h.message_id,
          seq: h.seq,
          role: h.role,
          timestamp: Date.parse(h.timestamp),
          snippet: h.snippet,
        })),
      exportUrl: (id: string, format: 'markdown' | 'json') =>
        `/api/sessions/${id}/export?format=${format}`,
    },
  };
}
export type { AnswerItem };
