import type { AnswerItem, Session } from '@parley/client';
import { memo, useRef } from 'react';
import { Button } from '../controls/button.tsx';
import { CopyButton } from '../controls/copy-button.tsx';
import { IconButton } from '../controls/icon-button.tsx';
import { AgainIcon, StopIcon, WarningIcon } from '../controls/icons.tsx';
import { Markdown } from '../markdown/markdown.tsx';
import { errorInWords } from '../text/errors.ts';
import { type Text, useText } from '../text/text.tsx';
import { AnswerParts } from './parts.ts';
import { Progress } from './progress.tsx';
import { isOpen, OpenApprovals, Steps } from './steps.tsx';
import { Timestamp } from './timestamp.tsx';

interface Props {
  readonly item: AnswerItem;
  readonly session: Session;
  /** Who is asked now, where one asks again. */
  readonly agent: string | undefined;
  readonly isLast: boolean;
}

export const AnswerView = memo(function AnswerView({ item, session, agent, isLast }: Props) {
  const { text } = useText();
  const name = item.agent ?? text.conversation.agent;
  const askAgain = () => session.retry(item.replyTo, undefined, agent);
  const isRunning = item.status === 'running' || item.status === 'queued';
  const hasFailed = item.status === 'error' || item.status === 'interrupted';
  return (
    <article
      aria-label={name}
      aria-busy={isRunning}
      data-status={item.status}
      data-run={item.runId}
      className="group pt-1 pb-3"
    >
      <h2 className="flex items-center gap-2 pb-1.5 text-sm font-semibold">
        <span className="grid size-6 place-items-center rounded-full bg-accent text-xs text-on-accent uppercase">
          {[...name][0]}
        </span>
        {name}
        {item.attempt > 1 && isRunning && (
          <span className="text-xs font-normal text-muted">{text.answer.again(item.attempt)}</span>
        )}
      </h2>
      {item.progress && isRunning && <Progress progress={item.progress} />}
      <Course item={item} />
      <OpenApprovals item={item} session={session} />
      {isRunning ? (
        <Working item={item} onStop={() => session.stop(item.runId)} />
      ) : (
        <>
          <End item={item} onAskAgain={askAgain} />
          <div
            className={`-ms-1.5 flex h-8 items-center ${isLast ? '' : 'opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100'}`}
          >
            {item.text !== '' && <CopyButton words={item.text} />}
            {isLast && !hasFailed && (
              <IconButton label={text.conversation.askAgain} className="size-8!" onClick={askAgain}>
                <AgainIcon className="size-4" />
              </IconButton>
            )}
            <Timestamp at={item.timestamp} />
          </div>
        </>
      )}
    </article>
  );
});

/** What the agent wrote and did, in the order in which it came. */
function Course({ item }: { readonly item: AnswerItem }) {
  const isRunning = item.status === 'running';
  const cutter = useRef<AnswerParts>(undefined);
  cutter.current ??= new AnswerParts();
  const past = item.steps.filter((step) => !isOpen(step, item));
  const parts = cutter.current.update(item.text, past);
  const last = parts.findLast(({ kind }) => kind === 'text');
  return parts.map((part) =>
    part.kind === 'steps' ? (
      <Steps key={`steps ${part.first}`} steps={part.steps} isRunning={isRunning} />
    ) : (
      // No direction here: each block has its own, and with every one that comes the browser would go
      // through all before it for nothing.
      <div key={part.at} data-answer className="flow-root leading-[1.65]">
        <Markdown text={part.text} streaming={isRunning && part === last} />
      </div>
    ),
  );
}

function Working({ item, onStop }: { readonly item: AnswerItem; readonly onStop: () => void }) {
  const { text } = useText();
  return (
    <p className="flex h-8 items-center gap-2 text-sm text-muted">
      <span
        aria-hidden="true"
        className="size-2 rounded-full bg-accent motion-safe:animate-breathe group-data-lost/chat:animate-none!"
      />
      {item.status === 'queued' && (
        <>
          {item.position === undefined
            ? text.answer.queued
            : text.answer.queuedBehind(item.position)}
          <Button look="quiet" onClick={onStop}>
            <StopIcon className="size-4" /> {text.conversation.stop}
          </Button>
        </>
      )}
      {item.status === 'running' && item.text === '' && text.answer.starting}
    </p>
  );
}

/** How it ended, where that is not the usual way. */
function End({ item, onAskAgain }: { readonly item: AnswerItem; readonly onAskAgain: () => void }) {
  const { text } = useText();
  switch (item.status) {
    case 'queued':
    case 'running':
      return null;
    case 'complete':
      return item.text === '' && <p className="text-sm text-muted">{text.answer.empty}</p>;
    case 'cancelled':
      return (
        <p className="flex items-center gap-1.5 py-1 text-sm text-muted">
          <StopIcon className="size-3.5" /> {text.answer.cancelled}
        </p>
      );
    case 'error':
    case 'interrupted':
      return (
        <div
          className={`my-2 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl px-3.5 py-2.5 text-sm ${
            item.status === 'error' ? 'bg-danger-tint text-danger' : 'bg-warning-tint text-warning'
          }`}
        >
          <WarningIcon />
          <div className="min-w-48 flex-1">
            <p className="font-medium">{headlineOf(item, text)}</p>
            {/* What the agent itself says of it. */}
            {item.problem?.code === 'AGENT_ERROR' && (
              <p dir="auto" className="wrap-anywhere">
                {item.problem.message}
              </p>
            )}
          </div>
          <Button onClick={onAskAgain}>
            <AgainIcon className="size-4" /> {text.conversation.askAgain}
          </Button>
        </div>
      );
  }
}

/** Some servers say only that it has failed. */
function headlineOf({ status, problem }: AnswerItem, text: Text): string {
  const code = status === 'interrupted' ? 'INTERRUPTED' : 'AGENT_ERROR';
  return errorInWords(problem ?? { code, message: '' }, text);
}
