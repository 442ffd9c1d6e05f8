/** What an agent did beside writing: the tools that it called, and what it had to ask for first. */
import type { AnswerItem, Session, Step } from '@parley/client';
import { useState } from 'react';
import { Button } from '../controls/button.tsx';
import { ApprovalIcon, ChevronIcon, ToolIcon, WorkingIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';

type ToolStep = Extract<Step, { kind: 'tool' }>;
type ApprovalStep = Extract<Step, { kind: 'approval' }>;

interface Props {
  readonly steps: readonly Step[];
  readonly isRunning: boolean;
}

/** What was done at one place of an answer. */
export function Steps({ steps, isRunning }: Props) {
  return (
    <ul className="my-3 space-y-1.5">
      {steps.map((step) => (
        <li key={step.id}>
          {step.kind === 'tool' ? (
            <ToolCall step={step} isRunning={isRunning} />
          ) : (
            <Decision step={step} />
          )}
        </li>
      ))}
    </ul>
  );
}

/** What waits for a person, below the text, where they read last. */
export function OpenApprovals(props: { readonly item: AnswerItem; readonly session: Session }) {
  const { item, session } = props;
  return item.steps.map(
    (step) =>
      step.kind === 'approval' &&
      isOpen(step, item) && <Approval key={step.id} step={step} session={session} />,
  );
}

export function isOpen(step: Step, { status }: AnswerItem): boolean {
  return step.kind === 'approval' && step.status === 'pending' && status === 'running';
}

function ToolCall({ step, isRunning }: { readonly step: ToolStep; readonly isRunning: boolean }) {
  const { text } = useText();
  const isWorking = !step.result && isRunning;
  return (
    <details className="group/tool rounded-xl border border-line text-sm open:bg-surface">
      <summary className="flex min-h-10 list-none items-center gap-2 rounded-xl px-3 hover:bg-hover [&::-webkit-details-marker]:hidden">
        {isWorking ? (
          <WorkingIcon className="size-4 text-accent motion-safe:animate-turn group-data-lost/chat:animate-none!" />
        ) : (
          <ToolIcon className="size-4 text-muted" />
        )}
        <code className="truncate font-mono text-[0.8125rem]">{step.name}</code>
        <span className={step.result?.isError ? 'text-danger' : 'text-muted'}>{stateOf(step)}</span>
        <ChevronIcon className="ms-auto size-4 text-muted group-open/tool:rotate-180" />
      </summary>
      <div className="space-y-2 px-3 pb-3">
        <Value label={text.steps.arguments} value={step.arguments} />
        {step.result && <Value label={text.steps.result} value={step.result.value} />}
      </div>
    </details>
  );

  function stateOf({ result }: ToolStep): string {
    if (result) return result.isError ? text.steps.failed : text.steps.done;
    return isRunning ? text.steps.working : text.steps.unfinished;
  }
}

function Approval({ step, session }: { readonly step: ApprovalStep; readonly session: Session }) {
  const { text } = useText();
  const [isDecided, setDecided] = useState(false);
  const decide = (approved: boolean) => () => {
    setDecided(true);
    session.decide(step.id, approved);
  };
  return (
    <section
      aria-label={`${text.steps.asks} ${step.name}`}
      className="my-2 rounded-xl border border-warning/50 bg-warning-tint px-3.5 py-3 text-sm"
    >
      <p className="flex items-center gap-2 pb-2 font-medium text-warning">
        <ApprovalIcon /> {text.steps.asks} <code className="font-mono">{step.name}</code>
      </p>
      <Value label={text.steps.arguments} value={step.arguments} />
      <div className="flex items-center gap-2 pt-3">
        <Button look="accent" disabled={isDecided} onClick={decide(true)}>
          {text.steps.allow}
        </Button>
        <Button disabled={isDecided} onClick={decide(false)}>
          {text.steps.deny}
        </Button>
        {isDecided && <span className="text-muted">{text.steps.sending}</span>}
      </div>
    </section>
  );
}

function Decision({ step }: { readonly step: ApprovalStep }) {
  const { text } = useText();
  return (
    <p className="flex min-h-8 flex-wrap items-center gap-2 px-3 text-sm text-muted">
      <ApprovalIcon className="size-4" />
      {step.status === 'pending' ? text.steps.undecided : text.steps[step.status]}
      <code className="font-mono text-[0.8125rem]">{step.name}</code>
      {step.reason !== undefined && <span dir="auto">({step.reason})</span>}
    </p>
  );
}

function Value({ label, value }: { readonly label: string; readonly value: unknown }) {
  return (
    <figure>
      <figcaption className="pb-1 text-xs text-muted">{label}</figcaption>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        dir="ltr"
        className="max-h-64 overflow-auto rounded-lg bg-sunken px-3 py-2 font-mono text-[0.8125rem] leading-normal whitespace-pre-wrap wrap-anywhere"
      >
        {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
      </pre>
    </figure>
  );
}
