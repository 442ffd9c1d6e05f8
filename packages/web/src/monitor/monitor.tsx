import { useEffect, useId, useState } from 'react';
import { WarningIcon } from '../controls/icons.tsx';
import { Logo } from '../controls/logo.tsx';
import { Admission } from './admission.tsx';
import { clock } from './chart.tsx';
import { ConnectionsView } from './connections-view.tsx';
import { Overview } from './overview.tsx';
import { hashOf, useMonitorPlace, VIEWS, type View } from './place.ts';
import { type Observed, useObserved } from './poll.ts';
import { SessionView } from './session-view.tsx';
import { shortId } from './units.ts';
import { useWords } from './words.ts';

/** How long it says what was done, milliseconds. */
const NEWS_MS = 6_000;

export function Monitor() {
  const observed = useObserved();
  const place = useMonitorPlace();
  const { words } = useWords();
  const [news, setNews] = useNews();
  useEffect(() => {
    document.title = `Parley · ${words.title}`;
  }, [words]);
  if (observed.status === 'refused' || observed.status === 'unknown') {
    return <Admission isKnown={observed.status === 'refused'} />;
  }
  const { samples, status } = observed;
  const reports = [...(samples.at(-1)?.reports.values() ?? [])];
  const hosts = reports.filter(({ role }) => role !== 'worker').map(({ node }) => node);
  const chosen = reports.find(({ node }) => node === place.id)?.node;
  return (
    <div className="flex h-full flex-col bg-surface">
      <Header view={place.view} status={status} />
      {status === 'away' && <Away samples={samples} />}
      <main className="min-h-0 flex-1 overflow-y-auto">
        <div className="mx-auto max-w-7xl space-y-4 p-3 sm:p-5">
          <p role="status" className="text-sm text-accent empty:hidden">
            {news}
          </p>
          {samples.length === 0 ? (
            status === 'loading' && <p className="text-sm text-muted">{words.status.loading}</p>
          ) : (
            <div className={status === 'away' ? 'text-muted grayscale' : ''}>
              {place.view === 'session' ? (
                <SessionView id={place.id} />
              ) : place.view === 'connections' ? (
                <>
                  <NodeChoice view="connections" nodes={hosts} chosen={chosen ?? hosts[0] ?? ''} />
                  <ConnectionsView
                    key={chosen ?? hosts[0]}
                    node={chosen ?? hosts[0] ?? ''}
                    onDone={setNews}
                  />
                </>
              ) : (
                <>
                  <NodeChoice
                    view="overview"
                    nodes={reports.map(({ node }) => node)}
                    chosen={chosen ?? ''}
                    all={words.allNodes}
                  />
                  <Overview samples={samples} node={chosen} onDone={setNews} />
                </>
              )}
            </div>
          )}
        </div>
      </main>
    </div>
  );
}

function Header({ view, status }: { readonly view: View; readonly status: Observed['status'] }) {
  const { words } = useWords();
  return (
    <header className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-1 border-b border-line bg-canvas px-3 py-2 sm:px-5">
      <h1 className="flex items-center gap-2.5 text-[0.9375rem] font-semibold tracking-tight">
        <Logo className="size-6" /> Parley {words.title}
      </h1>
      <span className="flex items-center gap-1.5 text-xs text-muted">
        <span
          className={`size-2 rounded-full ${status === 'live' ? 'bg-accent motion-safe:animate-breathe' : 'bg-edge'}`}
          aria-hidden="true"
        />
        {status === 'live' && words.status.live}
        {status === 'away' && words.status.noAnswer}
      </span>
      <nav aria-label={words.title} className="-mx-1 flex flex-wrap text-sm sm:ms-auto sm:gap-1">
        {VIEWS.map((one) => (
          <a
            key={one}
            href={hashOf(one)}
            aria-current={one === view ? 'page' : undefined}
            className="inline-flex min-h-9 items-center rounded-lg px-2 text-muted hover:bg-hover sm:px-3 hover:text-ink aria-[current=page]:bg-selected aria-[current=page]:font-medium aria-[current=page]:text-ink"
          >
            {words.views[one]}
          </a>
        ))}
        <a
          href="/"
          className="inline-flex min-h-9 items-center rounded-lg px-2 text-muted hover:bg-hover sm:px-3 hover:text-ink"
        >
          {words.toChat}
        </a>
      </nav>
    </header>
  );
}

function Away({ samples }: Pick<Observed, 'samples'>) {
  const { words, locale } = useWords();
  const last = samples.at(-1)?.at;
  return (
    <p
      role="alert"
      className="flex shrink-0 items-center gap-2.5 bg-warning-tint px-3 py-2 text-sm text-warning sm:px-5"
    >
      <WarningIcon />
      {last === undefined ? words.status.neverThere : words.status.away(clock(last, locale))}
    </p>
  );
}

interface ChoiceProps {
  readonly view: View;
  readonly nodes: readonly string[];
  readonly chosen: string;
  /** How all of them together are called, where that can be chosen. */
  readonly all?: string;
}

/** Where there is one node there is nothing to choose. */
function NodeChoice({ view, nodes, chosen, all }: ChoiceProps) {
  const { words } = useWords();
  const field = useId();
  if (nodes.length < 2) return null;
  return (
    <div className="flex items-center gap-2 pb-4 text-sm">
      <label htmlFor={field} className="text-muted">
        {words.node}
      </label>
      <select
        id={field}
        value={chosen}
        onChange={(event) => {
          location.hash = hashOf(view, event.target.value);
        }}
        className="h-9 rounded-lg border border-line bg-canvas px-2"
      >
        {all !== undefined && <option value="">{all}</option>}
        {nodes.map((node) => (
          <option key={node} value={node}>
            {shortId(node)}
          </option>
        ))}
      </select>
    </div>
  );
}

/** What was done, for a while. */
function useNews(): [string, (words: string) => void] {
  const [news, setNews] = useState('');
  useEffect(() => {
    if (news === '') return;
    const timer = setTimeout(() => setNews(''), NEWS_MS);
    return () => clearTimeout(timer);
  }, [news]);
  return [news, setNews];
}
