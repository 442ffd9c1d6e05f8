/** Which agent answers here, and which there are to choose from. */
import type { AgentInfo, Session, TranscriptSnapshot } from '@parley/client';
import { useConnection } from '@parley/client/react';
import { useEffect, useState } from 'react';
import { client } from '../app/client.ts';

export interface AgentChoice {
  readonly agents: readonly AgentInfo[];
  readonly status: 'loading' | 'ready' | 'failed';
  /** The name of the one that answers the next question; absent until it is known. */
  readonly current: string | undefined;
  /** The server does not have `current` any more. */
  readonly isMissing: boolean;
  /** What a message says of it: absent where the session's own answers anyway. */
  readonly toAsk: string | undefined;
  choose(name: string): void;
}

type Agents = Awaited<ReturnType<typeof client.agents>>;
/** How long after a failure the server is asked again, milliseconds. */
const RETRY_MS = 5_000;
/** Asked for once for each connection; again where that failed. */
let loading: Promise<Agents> | undefined;
client.subscribe(() => {
  // A server that comes back may have others.
  if (client.state.status === 'waiting') loading = undefined;
});

function loadAgents(): Promise<Agents> {
  loading ??= client.agents().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

interface Chosen {
  readonly session: Session;
  readonly name: string;
  /** The session's own at that time; once that is another one, the choice was made or overruled. */
  readonly instead: string | undefined;
}

export function useAgentChoice(
  session: Session,
  { agent: own }: Pick<TranscriptSnapshot, 'agent'>,
): AgentChoice {
  const loaded = useAgents();
  const [chosen, setChosen] = useState<Chosen>();
  const known = loaded === 'failed' ? undefined : loaded;
  const isChosen = chosen?.session === session && chosen.instead === own;
  const here = isChosen ? chosen.name : undefined;
  const current = here ?? own ?? known?.default;
  return {
    agents: known?.agents ?? [],
    status: loaded === 'failed' ? 'failed' : loaded ? 'ready' : 'loading',
    current,
    isMissing: known !== undefined && !known.agents.some(({ name }) => name === current),
    toAsk: here,
    choose(name) {
      setChosen({ session, name, instead: own });
      session.changeAgent(name);
    },
  };
}

function useAgents(): Agents | 'failed' | undefined {
  const [loaded, setLoaded] = useState<Agents | 'failed'>();
  const { status } = useConnection(client);
  useEffect(() => {
    if (status === 'waiting') return;
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = (): void => {
      loadAgents().then(
        (agents) => wanted && setLoaded(agents),
        () => {
          if (!wanted) return;
          setLoaded((before) => before ?? 'failed');
          timer = setTimeout(load, RETRY_MS);
        },
      );
    };
    load();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [status]);
  return loaded;
}
