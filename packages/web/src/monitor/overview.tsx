import { useMemo } from 'react';
import { AgentTable } from './agent-table.tsx';
import { Chart, type Series } from './chart.tsx';
import { agentFigures, type Figures, figuresOf } from './figures.ts';
import { NodeTable } from './node-table.tsx';
import type { Sample } from './poll.ts';
import { byteRate, bytes, count, duration, rate, shortId } from './units.ts';
import { Warning } from './warning.tsx';
import { useWords } from './words.ts';

interface Props {
  readonly samples: readonly Sample[];
  /** `undefined`: all of them together. */
  readonly node: string | undefined;
  readonly onDone: (words: string) => void;
}

export function Overview({ samples, node, onDone }: Props) {
  const { words } = useWords();
  const figures = useMemo(() => figuresOf(samples, node), [samples, node]);
  const agents = useMemo(() => agentFigures(samples, node), [samples, node]);
  const times = samples.map(({ at }) => at);
  const say = words.charts;
  const line = (label: string, name: keyof Figures, tone: Series['tone'] = 'plain'): Series => ({
    label,
    tone,
    values: figures.map((one) => one[name]),
  });
  const unready = [...(samples.at(-1)?.reports.values() ?? [])].filter(
    ({ state, faults }) => state !== 'silent' && Object.keys(faults).length > 0,
  );
  const isMany = (samples.at(-1)?.reports.size ?? 0) > 1 && node === undefined;
  return (
    <div className="space-y-6">
      {unready.length > 0 && (
        <Warning>
          <ul>
            {unready.map(({ node: id, faults }) => (
              <li key={id}>
                {words.nodes.notReady(shortId(id))}{' '}
                {Object.entries(faults)
                  .map(([part, fault]) => `${part}: ${fault}`)
                  .join('; ')}
              </li>
            ))}
          </ul>
        </Warning>
      )}
      <section aria-labelledby="charts" className="space-y-3">
        <h2 id="charts" className="text-base font-semibold">
          {say.heading}
        </h2>
        <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
          <Chart
            title={say.connections}
            times={times}
            format={count}
            series={[line(say.open, 'connections'), line(say.sessions, 'sessions', 'other')]}
          />
          <Chart
            title={say.messages}
            times={times}
            format={rate}
            series={[line(say.received, 'received'), line(say.sent, 'sent', 'other')]}
          />
          <Chart
            title={say.firstText}
            times={times}
            format={duration}
            empty={say.noFirstText}
            series={[line(say.median, 'firstTextP50'), line(say.p99, 'firstTextP99', 'other')]}
          />
          <Chart
            title={say.answers}
            times={times}
            format={count}
            series={[line(say.running, 'running'), line(say.waiting, 'waiting', 'other')]}
          />
          <Chart
            title={say.errors}
            times={times}
            format={rate}
            series={[line(say.refused, 'refused', 'other'), line(say.failed, 'failed', 'bad')]}
          />
          <Chart
            title={say.loop}
            times={times}
            format={duration}
            series={[
              line(isMany ? say.loopP99Worst : say.p99, 'loopP99'),
              line(isMany ? say.longestWorst : say.longest, 'loopLongest', 'other'),
            ]}
          />
          <Chart
            title={say.commit}
            times={times}
            format={duration}
            empty={say.noCommit}
            series={[line(say.median, 'commitP50'), line(say.p99, 'commitP99', 'other')]}
          />
          <Chart
            title={say.traffic}
            times={times}
            format={byteRate}
            series={[line(say.received, 'bytesReceived'), line(say.sent, 'bytesSent', 'other')]}
          />
          <Chart
            title={say.memory}
            times={times}
            format={bytes}
            series={[line(say.resident, 'memory')]}
          />
        </div>
      </section>
      <NodeTable samples={samples} onDone={onDone} />
      <AgentTable agents={agents} />
    </div>
  );
}
