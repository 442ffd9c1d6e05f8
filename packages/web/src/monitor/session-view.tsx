import { type FormEvent, useEffect, useId, useState } from 'react';
import { Button } from '../controls/button.tsx';
import {
  type LogEntry,
  type LogPage,
  loadLog,
  loadSession,
  Refusal,
  type SessionInfo,
} from './api.ts';
import { hashOf } from './place.ts';
import { Cell, RowHead, Table } from './table.tsx';
import { bytes, count, shortId } from './units.ts';
import { useWords } from './words.ts';

/** Events of one page. */
const PAGE = 50;

export function SessionView({ id }: { readonly id: string }) {
  const { words } = useWords();
  const say = words.log;
  const field = useId();
  /** One more each time that the same session is asked for again. */
  const [round, setRound] = useState(0);

  function open(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const asked = String(new FormData(event.currentTarget).get('id')).trim();
    if (asked === '') return;
    if (asked === id) setRound(round + 1);
    else location.hash = hashOf('session', asked);
  }

  return (
    <div className="space-y-4">
      <h2 className="text-base font-semibold">{say.heading}</h2>
      <form onSubmit={open} className="flex flex-wrap items-end gap-3">
        <div className="min-w-0 flex-1 basis-80">
          <label htmlFor={field} className="block pb-1 text-sm text-muted">
            {say.id}
          </label>
          <input
            key={id}
            id={field}
            name="id"
            defaultValue={id}
            autoComplete="off"
            spellCheck={false}
            className="h-9 w-full rounded-lg border border-line bg-canvas px-3 font-mono text-sm"
          />
        </div>
        <Button type="submit" look="accent" className="min-h-9">
          {say.show}
        </Button>
      </form>
      {id === '' ? (
        <p className="max-w-reading text-sm text-muted">{say.explanation}</p>
      ) : (
        <Log key={`${id} ${round}`} id={id} />
      )}
    </div>
  );
}

function Log({ id }: { readonly id: string }) {
  const { words, locale, reasonOf } = useWords();
  const say = words.log;
  const [query, setQuery] = useState<Readonly<Record<string, string>>>({});
  const [read, setRead] = useState<{ session: SessionInfo; page: LogPage }>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let isWanted = true;
    Promise.all([loadSession(id), loadLog(id, { ...query, limit: String(PAGE) })]).then(
      ([session, page]) => {
        if (!isWanted) return;
        setRead({ session, page });
        setError(undefined);
      },
      (reason: unknown) => isWanted && setError(reason),
    );
    return () => {
      isWanted = false;
    };
  }, [id, query]);
  if (error !== undefined) {
    return (
      <div className="space-y-3">
        <p role="alert" className="text-sm text-danger">
          {isMissing(error) ? say.missing : words.failed(reasonOf(error))}
        </p>
        <Button onClick={() => setQuery({ ...query })}>{say.again}</Button>
      </div>
    );
  }
  if (!read) return <p className="text-sm text-muted">{say.loading}</p>;
  const { session, page } = read;
  const [first, last] = [page.messages[0]?.seq, page.messages.at(-1)?.seq];
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-baseline gap-x-3 text-sm text-muted">
        <strong dir="auto" className="text-base text-ink">
          {session.title ?? shortId(id)}
        </strong>
        <span>{say.agent(session.agent)}</span>
        <span>{say.created(moment(session.created_at, locale))}</span>
        {first !== undefined && last !== undefined && (
          <span>{say.events(count(first, locale), count(last, locale))}</span>
        )}
      </div>
      {page.messages.length === 0 ? (
        <p className="text-sm text-muted">{say.none}</p>
      ) : (
        <Table
          label={say.heading}
          columns={[
            { label: say.seq, isNumber: true },
            { label: say.time },
            { label: say.type },
            { label: say.from },
            { label: say.run },
            { label: say.size, isNumber: true },
            { label: say.content },
          ]}
        >
          {page.messages.map((entry) => (
            <Entry key={entry.seq} entry={entry} />
          ))}
        </Table>
      )}
      <div className="flex gap-2">
        <Button
          disabled={first === undefined || first <= page.first_seq}
          onClick={() => setQuery({ before_seq: String(first) })}
        >
          {say.older}
        </Button>
        <Button
          disabled={last === undefined || last >= page.last_seq}
          onClick={() => setQuery({ after_seq: String(last) })}
        >
          {say.newer}
        </Button>
        <Button onClick={() => setQuery({})}>{say.newest}</Button>
      </div>
    </div>
  );
}

/** What is no id at all is no session either. */
function isMissing(error: unknown): boolean {
  return error instanceof Refusal && ['SESSION_NOT_FOUND', 'INVALID_MESSAGE'].includes(error.code);
}

function Entry({ entry }: { readonly entry: LogEntry }) {
  const { words, locale } = useWords();
  const { seq, type, timestamp, run_id: run, attempt, sender, agent_name: agent, status } = entry;
  // All of them at once may be half a million characters.
  const [isOpen, setOpen] = useState(false);
  return (
    <tr className="align-top">
      <RowHead className="text-end">{count(seq, locale)}</RowHead>
      <Cell title={timestamp}>{moment(timestamp, locale)}</Cell>
      <Cell className="font-mono text-xs/5">
        {type}
        {typeof status === 'string' && <span className="text-muted"> {status}</span>}
      </Cell>
      <Cell className="max-w-40 truncate">{String(sender ?? agent ?? '–')}</Cell>
      <Cell title={run} className="font-mono text-xs/5">
        {run === undefined ? '–' : shortId(run)}
        {attempt !== undefined && attempt > 1 && (
          <span className="text-warning"> {words.log.attempt(attempt)}</span>
        )}
      </Cell>
      <Cell isNumber>{bytes(new TextEncoder().encode(JSON.stringify(entry)).length, locale)}</Cell>
      <Cell className="w-full max-w-0 min-w-72">
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary className="truncate" title={words.log.whole}>
            <span dir="auto">{summaryOf(entry)}</span>
          </summary>
          {isOpen && (
            <pre
              // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keyboard, too.
              tabIndex={0}
              className="mt-1 max-h-96 overflow-auto rounded-lg bg-sunken p-2 text-xs whitespace-pre-wrap"
            >
              {JSON.stringify(entry, undefined, 2)}
            </pre>
          )}
        </details>
      </Cell>
    </tr>
  );
}

/** A line of what it is about. */
function summaryOf({ content, tool, error, code }: LogEntry): string {
  const about = [tool, code, error, content].filter((field) => typeof field === 'string' && field);
  return about.join(' · ').slice(0, 300) || '…';
}

/** To the second, which a log needs; the title has the rest. */
function moment(time: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'short', timeStyle: 'medium' }).format(
    Date.parse(time),
  );
}
