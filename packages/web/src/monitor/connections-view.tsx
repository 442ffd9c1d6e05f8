import { useDeferredValue, useEffect, useId, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { type Connection, type ConnectionPage, cutConnection, loadConnections } from './api.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { Cell, RowHead, Table } from './table.tsx';
import { bytes, count, shortId, span } from './units.ts';
import { useWords } from './words.ts';

interface Props {
  readonly node: string;
  readonly onDone: (words: string) => void;
}

/** Connections of one page of the table. */
const PAGE = '50';
/** How often the page is read again, milliseconds. */
const REFRESH_MS = 5_000;

export function ConnectionsView({ node, onDone }: Props) {
  const { words, locale, reasonOf } = useWords();
  const say = words.connections;
  const [match, setMatch] = useState('');
  const sought = useDeferredValue(match.trim());
  const [after, setAfter] = useState('');
  const [cutting, setCutting] = useState<Connection>();
  const { page, error, reload } = useConnections(node, sought, after);
  const field = useId();
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap items-end gap-3">
        <h2 className="flex-1 text-base font-semibold">
          {say.heading(shortId(node))}
          {page && (
            <span className="ps-2 font-normal text-muted tabular-nums">
              {say.total(page.total)}
            </span>
          )}
        </h2>
        <label htmlFor={field} className="text-sm text-muted">
          {say.find}
        </label>
        <input
          id={field}
          type="search"
          value={match}
          placeholder={say.findHint}
          autoComplete="off"
          maxLength={128}
          onChange={(event) => {
            setMatch(event.target.value);
            setAfter('');
          }}
          className="h-9 w-56 rounded-lg border border-line bg-canvas px-3 text-sm"
        />
        <Button onClick={reload} className="min-h-9">
          {words.refresh}
        </Button>
      </div>
      {error !== undefined && (
        <p role="alert" className="text-sm text-danger">
          {words.failed(reasonOf(error))}
        </p>
      )}
      {page && page.connections.length === 0 && (
        <p className="text-sm text-muted">{sought === '' ? say.none : say.noneMatch(sought)}</p>
      )}
      {page && page.connections.length > 0 && (
        <Table
          label={say.heading(shortId(node))}
          columns={[
            { label: say.person },
            { label: say.address },
            { label: say.since, isNumber: true },
            { label: say.sessions, isNumber: true },
            { label: say.behind, isNumber: true },
            { label: say.profile },
            { label: say.id },
            { label: say.actions },
          ]}
        >
          {page.connections.map((one) => (
            <tr key={one.id}>
              <RowHead className="max-w-64 truncate" title={one.person ?? undefined}>
                {one.person ?? <span className="font-normal text-muted">{say.unknown}</span>}
              </RowHead>
              <Cell>{one.address}</Cell>
              <Cell isNumber>{span(Date.now() - Date.parse(one.since))}</Cell>
              <Cell isNumber>{count(one.sessions, locale)}</Cell>
              <Cell isNumber className={one.bytes_behind > 0 ? 'text-warning' : ''}>
                {bytes(one.bytes_behind, locale)}
              </Cell>
              <Cell>{one.profile}</Cell>
              <Cell title={one.id} className="font-mono text-xs">
                {shortId(one.id)}
              </Cell>
              <Cell>
                <Button onClick={() => setCutting(one)} aria-label={say.cutOne(shortId(one.id))}>
                  {say.cut}
                </Button>
              </Cell>
            </tr>
          ))}
        </Table>
      )}
      {(after !== '' || page?.has_more) && (
        <div className="flex gap-2">
          <Button disabled={after === ''} onClick={() => setAfter('')}>
            {say.first}
          </Button>
          <Button
            disabled={!page?.has_more}
            onClick={() => setAfter(page?.connections.at(-1)?.id ?? '')}
          >
            {say.next}
          </Button>
        </div>
      )}
      {cutting && (
        <ConfirmDialog
          title={words.cut.title(cutting.person ?? shortId(cutting.id))}
          confirm={words.cut.confirm}
          onClose={() => setCutting(undefined)}
          act={async () => {
            await cutConnection(cutting.id);
            onDone(words.cut.done(shortId(cutting.id)));
            reload();
          }}
        >
          <p>{words.cut.explanation}</p>
          <p>{words.cut.forGood}</p>
        </ConfirmDialog>
      )}
    </div>
  );
}

/** What there is now, read again and again; of the page before nothing is shown in the place of another. */
function useConnections(node: string, match: string, after: string) {
  const key = JSON.stringify([node, match, after]);
  const [read, setRead] = useState<{ key: string; page?: ConnectionPage; error?: unknown }>();
  const [times, setTimes] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `times` says when it is read once more.
  useEffect(() => {
    let isWanted = true;
    loadConnections({ node, match, after, limit: PAGE }).then(
      (page) => isWanted && setRead({ key, page }),
      (error: unknown) => isWanted && setRead((before) => ({ ...before, key, error })),
    );
    const timer = setTimeout(() => setTimes((count) => count + 1), REFRESH_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [key, times]);
  const current = read?.key === key ? read : undefined;
  return {
    page: current?.page,
    error: current?.error,
    reload: () => setTimes((count) => count + 1),
  };
}
