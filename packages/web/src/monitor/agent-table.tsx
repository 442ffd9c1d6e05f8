import type { AgentFigures, Figure } from './figures.ts';
import { Cell, RowHead, Table } from './table.tsx';
import { count, duration, share } from './units.ts';
import { useWords } from './words.ts';

export function AgentTable({ agents }: { readonly agents: readonly AgentFigures[] }) {
  const { words, locale } = useWords();
  const say = words.agents;
  const times = (p50: Figure, p99: Figure) =>
    p50 === null || p99 === null ? (
      '–'
    ) : (
      <>
        {duration(p50, locale)} <span className="text-muted">/</span> {duration(p99, locale)}
      </>
    );
  const both = `(${words.charts.median} / ${words.charts.p99})`;
  return (
    <div className="space-y-3">
      <h2 className="text-base font-semibold">{say.heading}</h2>
      {agents.length === 0 ? (
        <p className="text-sm text-muted">{say.none}</p>
      ) : (
        <Table
          label={say.heading}
          columns={[
            { label: say.agent },
            { label: `${say.firstText} ${both}`, isNumber: true },
            { label: `${say.length} ${both}`, isNumber: true },
            { label: say.answers, isNumber: true },
            { label: say.failed, isNumber: true },
          ]}
        >
          {agents.map((agent) => (
            <tr key={agent.name}>
              <RowHead>{agent.name}</RowHead>
              <Cell isNumber>{times(agent.firstTextP50, agent.firstTextP99)}</Cell>
              <Cell isNumber>{times(agent.durationP50, agent.durationP99)}</Cell>
              <Cell isNumber>{count(agent.ended, locale)}</Cell>
              <Cell isNumber className={agent.failedShare > 0 ? 'text-danger' : ''}>
                {share(agent.failedShare, locale)}
              </Cell>
            </tr>
          ))}
        </Table>
      )}
    </div>
  );
}
