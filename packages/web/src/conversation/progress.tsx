import type { AnswerItem } from '@parley/client';
import { useText } from '../text/text.tsx';

type Report = NonNullable<AnswerItem['progress']>;

/** What each of several agents is doing, while they do it. */
export function Progress({ progress }: { readonly progress: Report }) {
  const { text, locale } = useText();
  const { agents, overall_progress: overall, current_agent: current } = progress;
  const percent = new Intl.NumberFormat(locale, { style: 'percent' });
  return (
    <section
      aria-label={text.progress.label}
      className="my-2 rounded-xl border border-line px-3.5 pt-2.5 pb-3 text-sm"
    >
      <Bar label={text.progress.overall} value={overall} isStrong>
        {percent.format(overall)}
      </Bar>
      <ul className="mt-2 space-y-1.5">
        {agents.map((agent) => (
          <li key={agent.name} aria-current={agent.name === current ? 'step' : undefined}>
            <Bar label={agent.name} value={agent.progress} isFailed={agent.status === 'error'}>
              {agent.message ?? text.progress.states[agent.status]}
            </Bar>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface BarProps {
  readonly label: string;
  /** 0 to 1. */
  readonly value: number;
  readonly isStrong?: boolean;
  readonly isFailed?: boolean;
  readonly children: string;
}

function Bar({ label, value, isStrong = false, isFailed = false, children }: BarProps) {
  return (
    <div className="grid grid-cols-[minmax(5rem,9rem)_1fr_minmax(4.5rem,auto)] items-center gap-3">
      <span dir="auto" className={`truncate ${isStrong ? 'font-medium' : 'text-muted'}`}>
        {label}
      </span>
      <span
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(value * 100)}
        aria-valuetext={children}
        className={`overflow-hidden rounded-full bg-line ${isStrong ? 'h-2' : 'h-1.5'}`}
      >
        <span
          className={`block h-full rounded-full motion-safe:transition-[width] ${isFailed ? 'bg-danger' : 'bg-accent'}`}
          style={{ width: `${value * 100}%` }}
        />
      </span>
      <span dir="auto" className={`text-end text-xs ${isFailed ? 'text-danger' : 'text-muted'}`}>
        {children}
      </span>
    </div>
  );
}
