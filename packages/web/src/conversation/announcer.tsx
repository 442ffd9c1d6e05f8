/** Tells a screen reader that an answer begins and how it ended, and none of the words between. */
import type { AnswerItem, TranscriptSnapshot } from '@parley/client';
import { useEffect, useRef, useState } from 'react';
import { type Text, useText } from '../text/text.tsx';

/** So much of an answer is read out; the rest is there to be read. */
const READ_OUT = 600;

export function Announcer({ transcript }: { readonly transcript: TranscriptSnapshot }) {
  const { text } = useText();
  const [words, setWords] = useState('');
  /** The runs that were seen unfinished, and the approvals that were asked for. */
  const seen = useRef(new Map<string, AnswerItem['status']>());
  const asked = useRef(new Set<string>());
  useEffect(() => {
    for (const item of transcript.items) {
      if (item.kind !== 'answer') continue;
      const before = seen.current.get(item.runId);
      const isUnfinished = item.status === 'queued' || item.status === 'running';
      if (before === item.status || (before === undefined && !isUnfinished)) continue;
      if (isUnfinished) seen.current.set(item.runId, item.status);
      else seen.current.delete(item.runId);
      const news = announcement(item, text);
      if (news !== undefined) setWords(news);
    }
    for (const item of transcript.items.slice(-2)) {
      if (item.kind !== 'answer' || item.status !== 'running') continue;
      for (const step of item.steps) {
        if (step.kind !== 'approval' || step.status !== 'pending') continue;
        if (asked.current.has(step.id)) continue;
        asked.current.add(step.id);
        setWords(text.steps.announce(step.name));
      }
    }
  }, [transcript.items, text]);
  return (
    <p aria-live="polite" className="sr-only">
      {words}
    </p>
  );
}

function announcement(item: AnswerItem, text: Text): string | undefined {
  const agent = item.agent ?? text.conversation.agent;
  switch (item.status) {
    case 'queued':
      return undefined;
    case 'running':
      return text.answer.announceStart(agent);
    case 'complete':
      return text.answer.announceEnd(agent, item.text.slice(0, READ_OUT));
    case 'cancelled':
      return text.answer.announceStopped(agent);
    case 'error':
    case 'interrupted':
      return text.answer.announceFailed(agent);
  }
}
