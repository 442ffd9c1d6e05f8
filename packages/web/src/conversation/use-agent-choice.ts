/** Which agent answers here, and which there are to choose from. */
import type { TranscriptSnapshot } from '@parley/client';
import { useEffect, useState } from 'react';
import { client } from '../app/client.ts';
import type { AgentInfo, Session } from '../app/interim.ts';

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
/** Asked for once; again where that failed. */
let loading: Promise<Agents> | undefined;

function loadAgents(): Promise<Agents> {
  loading ??= client.agents().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export function useAgentChoice(session: Session, transcript: TranscriptSnapshot): AgentChoice {
  const [loaded, setLoaded] = useState<Agents | 'failed'>();
  const [chosen, setChosen] = useState<{ readonly in: string; readonly name: string }>();
  const { status } = transcript;
  // Tried anew when a session has been joined, so when there is a connection.
  useEffect(() => {
    let wanted = true;
    loadAgents().then(
      (agents) => wanted && setLoaded(agents),
      () => wanted && setLoaded('failed'),
    );
    return () => {
      wanted = false;
    };
  }, [status]);

  const known = loaded === 'failed' ? undefined : loaded;
  const own = transcript.agent ?? known?.default;
  const here = chosen?.in === session.id ? chosen.name : undefined;
  return {
    agents: known?.agents ?? [],
    status: loaded === 'failed' ? 'failed' : loaded ? 'ready' : 'loading',
    current: here ?? own,
    toAsk: here === transcript.agent ? undefined : here,
    choose: (name) => setChosen({ in: session.id, name }),
  };
}
