/** One chat: its title, what was said, and where one writes. */
import type { Session, TranscriptSnapshot } from '@parley/client';
import { useConnection } from '@parley/client/react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { client } from '../app/client.ts';
import { ConnectionBanner } from '../app/connection-banner.tsx';
import { useFramed } from '../app/framed.ts';
import { openSession } from '../app/open-sessions.ts';
import { currentPlace, navigate, type Place, pathOf } from '../app/router.ts';
import { PeopleIcon } from '../controls/icons.tsx';
import { Strip } from '../controls/strip.tsx';
import { markRead } from '../sessions/unread.ts';
import { type Text, useText } from '../text/text.tsx';
import { Announcer } from './announcer.tsx';
import { Composer, focusComposer, HAS_KEYBOARD } from './composer.tsx';
import { keepDraft, keepEdit, readDraft, readEdit } from './drafts.ts';
import { GoneNotice, isGone } from './gone-notice.tsx';
import { Header } from './header.tsx';
import { KeptWords } from './kept-words.tsx';
import { LimitNotice } from './limit-notice.tsx';
import { MessageList, type MessageListHandle } from './message-list.tsx';
import { OlderOnly } from './older.tsx';
import { People } from './people.tsx';
import { useAgentChoice } from './use-agent-choice.ts';
import { Welcome } from './welcome.tsx';

interface Props {
  readonly place: Place;
  /** Absent where the list of chats is beside the conversation. */
  readonly onOpenSidebar: (() => void) | undefined;
}

export function Conversation({ place, onOpenSidebar }: Props) {
  const { text } = useText();
  const { sessionId } = place;
  const session = useMemo(() => openSession(sessionId), [sessionId]);
  const transcript = useFramed(session.transcript);
  const agents = useAgentChoice(session, transcript);
  const { status } = useConnection(client);
  const list = useRef<MessageListHandle>(null);
  const [edited, setEdited] = useState<{ session: Session; messageId: string }>();
  const editing = edited?.session === session ? edited.messageId : undefined;
  const setEditing = useCallback(
    (messageId: string | undefined) => setEdited(messageId ? { session, messageId } : undefined),
    [session],
  );

  const title = transcript.title;
  useEffect(() => {
    document.title = title === null ? 'Parley' : `${title} · Parley`;
  }, [title]);

  // What is in view is read; what comes into a hidden tab is not.
  const { lastSeq } = session.transcript;
  useEffect(() => {
    const mark = (): void => {
      if (!document.hidden && lastSeq > 0) markRead(session.id, lastSeq);
    };
    mark();
    document.addEventListener('visibilitychange', mark);
    return () => document.removeEventListener('visibilitychange', mark);
  }, [session, lastSeq]);

  function send(words: string): void {
    session.send(words, { agent: agents.toAsk });
    if (currentPlace().sessionId !== session.id) navigate(pathOf(session.id), { replace: true });
    list.current?.scrollToEnd();
  }

  const isEmpty = transcript.items.length === 0;
  const isRunning = transcript.items.some(
    (item) => item.kind === 'answer' && (item.status === 'running' || item.status === 'queued'),
  );
  return (
    // What goes on stands still where nobody can tell that it does.
    <main
      data-lost={status !== 'open' || undefined}
      className="group/chat flex h-full min-w-0 flex-1 flex-col"
    >
      <Header
        title={sessionId === undefined ? text.newChat : titleOf(transcript, text)}
        session={
          sessionId === undefined || isGone(transcript) ? undefined : { id: sessionId, title }
        }
        access={transcript.you?.access}
        onOpenSidebar={onOpenSidebar}
      />
      <ConnectionBanner />
      {transcript.you?.administrator && (
        <div role="status" className="shrink-0 px-3 pb-1 sm:px-4">
          <Strip tone="warning" icon={<PeopleIcon />}>
            {text.share.administrator}
          </Strip>
        </div>
      )}
      {isEmpty && isGone(transcript) ? (
        <div className="mx-auto grid w-full max-w-lg flex-1 place-items-center px-3">
          <GoneNotice transcript={transcript} />
        </div>
      ) : isEmpty && !transcript.hasMore ? (
        <Welcome
          agents={agents}
          isLoading={sessionId !== undefined && transcript.status === 'opening'}
          onAsk={(words) => {
            send(words);
            // The button that had the focus is gone; a finger wants no keyboard.
            if (HAS_KEYBOARD) focusComposer();
          }}
        />
      ) : isEmpty ? (
        <OlderOnly key={`older ${session.id}`} session={session} />
      ) : (
        <MessageList
          key={`list ${session.id}`}
          ref={list}
          session={session}
          transcript={transcript}
          place={place}
          agent={agents.current}
          editing={editing}
          onEdit={setEditing}
        />
      )}
      <div className="shrink-0 px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] sm:px-4">
        <div className="mx-auto max-w-reading">
          <People transcript={transcript} />
          <LimitNotice key={`limit ${session.id}`} session={session} />
          {editing !== undefined && (isGone(transcript) || !isShown(transcript, editing)) && (
            <KeptWords
              key={`edit ${editing}`}
              words={readEdit(editing) ?? ''}
              onTaken={() => keepEdit(editing, '')}
            />
          )}
          {isGone(transcript) ? (
            <>
              <KeptWords
                key={`draft ${session.id}`}
                words={readDraft(sessionId)}
                onTaken={() => keepDraft(sessionId, '')}
              />
              {!isEmpty && <GoneNotice transcript={transcript} />}
            </>
          ) : transcript.you?.access === 'read' ? (
            <p role="status" className="py-4 text-center text-sm text-muted">
              {text.share.readOnly}
            </p>
          ) : (
            <Composer
              key={`composer ${session.id}`}
              session={session}
              sessionId={sessionId}
              agents={agents}
              isRunning={isRunning}
              onSend={send}
              onEditLast={() => {
                const last = transcript.items.findLast((item) => item.kind === 'message');
                if (last?.kind === 'message' && last.status === 'sent') setEditing(last.id);
              }}
            />
          )}
        </div>
      </div>
      <Announcer key={`announcer ${session.id}`} transcript={transcript} />
    </main>
  );
}

function isShown({ items }: TranscriptSnapshot, messageId: string): boolean {
  return items.some((item) => item.kind === 'message' && item.id === messageId);
}

/** What the server has not told yet is no chat without a title, and neither is one that is not there. */
function titleOf({ title, status, items }: TranscriptSnapshot, text: Text): string {
  if (title !== null) return title;
  if (status === 'refused') return text.gone.title;
  // The server will name it alike.
  const first = items[0]?.text.slice(0, 60);
  return first || (status === 'opening' ? text.loading : text.untitled);
}
