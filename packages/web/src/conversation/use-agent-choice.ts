/** Which agent answers here, and which there are to choose from. */
import type { AgentInfo, Session, TranscriptSnapshot } from '@parley/client';
import { useEffect, useState } from 'react';
import { client } from '../app/client.ts';
import { notify } from '../app/notices.ts';

export interface AgentChoice {
  readonly agents: readonly AgentInfo[];
  readonly status: 'loading' | 'ready' | 'failed';
  /** The name of the one that answers the next question; absent until it is known. */
  readonly current: string | undefined;
  /** What a message says of it: absent where the session's own answers anyway. */
  readonly toAsk: string | undefined;
  choose(name: string): void;
}

type Agents = Awaited<ReturnType<typeof client.agents>>;
/** How long after a failure the server is asked again, milliseconds. */
const RETRY_MS = 5_000;
/** Asked for once; again where that failed. */
let loading: Promise<Agents> | undefined;

function loadAgents(): Promise<Agents> {
  loading ??= client.agents().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export function useAgentChoice(
  session: Session,
  /** The server knows the session, so that it can keep another agent for it. */
  isKept: boolean,
  { agent: own }: TranscriptSnapshot,
): AgentChoice {
  const [loaded, setLoaded] = useState<Agents | 'failed'>();
  const [chosen, setChosen] = useState<{ readonly in: string; readonly name: string }>();
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = (): void => {
      loadAgents().then(
        (agents) => wanted && setLoaded(agents),
        () => {
          if (!wanted) return;
          setLoaded('failed');
          timer = setTimeout(load, RETRY_MS);
        },
      );
    };
    load();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, []);

  const known = loaded === 'failed' ? undefined : loaded;
  const here = chosen?.in === session.id ? chosen.name : undefined;
  return {
    agents: known?.agents ?? [],
    status: loaded === 'failed' ? 'failed' : loaded ? 'ready' : 'loading',
    current: here ?? own ?? known?.default,
    toAsk: here === own ? undefined : here,
    choose(name) {
      setChosen({ in: session.id, name });
      if (isKept) void changeAgent(session.id, name);
    },
  };
}

/** For everyone in the session. Where that fails, the next question names the agent itself. */
async function changeAgent(sessionId: string, name: string): Promise<void> {
  try {
    const response = await fetch(`/api/sessions/${encodeURIComponent(sessionId)}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ agent_name: name }),
    });
    if (response.ok) return;
  } catch {
    // Said below, as a refusal is.
  }
  notify({ id: 'agent', words: (text) => text.composer.agentNotKept });
}
