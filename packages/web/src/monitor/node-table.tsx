import { useState } from 'react';
import { Button } from '../controls/button.tsx';
import type { NodeReport } from './api.ts';
import { DrainDialog } from './drain-dialog.tsx';
import { hashOf } from './place.ts';
import type { Sample } from './poll.ts';
import { Cell, RowHead, Table } from './table.tsx';
import { bytes, count, duration, shortId, span } from './units.ts';
import { useWords } from './words.ts';

interface Props {
  readonly samples: readonly Sample[];
  readonly onDone: (words: string) => void;
}

export function NodeTable({ samples, onDone }: Props) {
  const { words } = useWords();
  const [draining, setDraining] = useState<NodeReport>();
  const say = words.nodes;
  const newest = samples.at(-1);
  // In the same order, whichever node was asked.
  const nodes = [...(newest?.reports.values() ?? [])].sort(
    (a, b) =>
      a.metrics.started_at.localeCompare(b.metrics.started_at) || a.node.localeCompare(b.node),
  );
  return (
    <div className="space-y-3">
      <h2 className="text-base font-semibold">{say.heading}</h2>
      <Table
        label={say.heading}
        columns={[
          { label: words.node },
          { label: say.state },
          { label: say.connections, isNumber: true },
          { label: say.answers, isNumber: true },
          { label: say.loop, isNumber: true },
          { label: say.memory, isNumber: true },
          { label: say.uptime, isNumber: true },
          { label: say.role },
          { label: say.version },
          { label: say.actions },
        ]}
      >
        {nodes.map((report) => (
          <Row
            key={report.node}
            report={report}
            at={newest?.at ?? 0}
            onDrain={() => setDraining(report)}
          />
        ))}
      </Table>
      {draining && (
        <DrainDialog report={draining} onClose={() => setDraining(undefined)} onDone={onDone} />
      )}
    </div>
  );
}

const STATES = {
  serving: 'bg-tint text-accent',
  draining: 'bg-warning-tint text-warning',
  silent: 'bg-danger-tint text-danger',
};

interface RowProps {
  readonly report: NodeReport;
  /** When it was asked, milliseconds since the epoch. */
  readonly at: number;
  readonly onDrain: () => void;
}

function Row({ report, at, onDrain }: RowProps) {
  const { words, locale } = useWords();
  const say = words.nodes;
  const { node, address, state, role, version, metrics, faults } = report;
  const { gauges } = metrics;
  const isSilent = state === 'silent';
  const now = (text: string) => (isSilent ? '–' : text);
  const ago = span(at - Date.parse(report.heard_at));
  return (
    <tr>
      <RowHead title={node} className="font-mono text-xs">
        {shortId(node)}
        <span title={address} className="block max-w-40 truncate font-normal text-muted">
          {address}
        </span>
      </RowHead>
      <Cell>
        <span className={`rounded-full px-2 py-0.5 text-xs font-medium ${STATES[state]}`}>
          {say.states[state]}
        </span>
        {isSilent && <span className="ps-2 text-xs text-muted">{say.silentSince(ago)}</span>}
        {!isSilent &&
          Object.entries(faults).map(([part, fault]) => (
            <span key={part} className="block pt-1 text-xs text-danger">
              {part}: {fault}
            </span>
          ))}
      </Cell>
      <Cell isNumber>{now(count(gauges.connections, locale))}</Cell>
      <Cell isNumber>{now(count(gauges.runs_running + gauges.runs_waiting, locale))}</Cell>
      <Cell isNumber>{now(duration(metrics.event_loop_delay.max, locale))}</Cell>
      <Cell isNumber>{now(bytes(metrics.memory.rss, locale))}</Cell>
      <Cell isNumber>{now(span(at - Date.parse(metrics.started_at)))}</Cell>
      <Cell>{say.roles[role]}</Cell>
      <Cell>{version}</Cell>
      <Cell>
        <span className="flex gap-1.5">
          {role !== 'worker' && (
            <a
              href={hashOf('connections', node)}
              aria-label={say.showConnections(shortId(node))}
              className="inline-flex min-h-8 items-center rounded-lg border border-line px-3 font-medium hover:bg-hover"
            >
              {say.connections}
            </a>
          )}
          <Button
            onClick={onDrain}
            disabled={state !== 'serving'}
            aria-label={say.drainOne(shortId(node))}
          >
            {say.drain}
          </Button>
        </span>
      </Cell>
    </tr>
  );
}
