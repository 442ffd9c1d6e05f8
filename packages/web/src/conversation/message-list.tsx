/** What was said, however much it is: only what is in view is in the page. */
import type { Session, TranscriptItem, TranscriptSnapshot } from '@parley/client';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type Ref,
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { notify } from '../app/notices.ts';
import type { Place } from '../app/router.ts';
import { DownIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';
import { AnswerView } from './answer.tsx';
import { isGone } from './gone-notice.tsx';
import { MessageView } from './message.tsx';
import { OlderWords, useOlder } from './older.tsx';

/** So near to the end, in pixels, counts as at the end: growing answers keep it in view. */
const NEAR_END = 80;
/** The page before is asked for when so many items are left above. */
const AHEAD = 8;
/** Room above the first item, for what is said about earlier ones. */
const TOP = 56;

/** How the message that one came for stands out. */
const FOUND =
  'rounded-2xl outline-2 outline-offset-4 outline-transparent motion-safe:animate-flash motion-reduce:outline-accent';

export interface MessageListHandle {
  scrollToEnd(): void;
}

interface Props {
  readonly ref: Ref<MessageListHandle>;
  readonly session: Session;
  readonly transcript: TranscriptSnapshot;
  readonly place: Place;
  /** Who is asked now, where one asks again. */
  readonly agent: string | undefined;
  /** The id of the message that is being edited. */
  readonly editing: string | undefined;
  readonly onEdit: (messageId: string | undefined) => void;
}

export function MessageList(props: Props) {
  const { ref, session, transcript, place, agent, editing, onEdit } = props;
  const { text } = useText();
  const { items, hasMore } = transcript;
  const scroll = useRef<HTMLDivElement>(null);

  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroll.current,
    getItemKey: (index) => keyOf(items[index]),
    estimateSize: (index) => estimate(items[index]),
    // It opens at its end: what is above that is neither drawn nor measured first.
    initialRect: { width: innerWidth, height: innerHeight },
    initialOffset: () => {
      const sizes = items.reduce((sum, item) => sum + estimate(item), TOP);
      return Math.max(0, sizes - innerHeight);
    },
    paddingStart: TOP,
    overscan: 4,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: NEAR_END,
    useFlushSync: false,
  });
  const rows = virtualizer.getVirtualItems();
  const first = rows[0]?.index ?? 0;

  const scrollToEnd = useCallback(() => virtualizer.scrollToEnd(), [virtualizer]);
  // The new row is not there before React has drawn it.
  useImperativeHandle(ref, () => ({ scrollToEnd: () => requestAnimationFrame(scrollToEnd) }));
  useLayoutEffect(scrollToEnd, [scrollToEnd]);

  const [isAtEnd, setAtEnd] = useState(true);
  const wasAtEnd = useRef(true);
  const look = useCallback(() => {
    const view = scroll.current;
    if (!view) return;
    wasAtEnd.current = view.scrollHeight - view.scrollTop - view.clientHeight <= NEAR_END;
    setAtEnd(wasAtEnd.current);
  }, []);
  // A window that is turned, a keyboard that comes up: who read the end goes on doing so.
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (wasAtEnd.current) scrollToEnd();
    });
    if (scroll.current) observer.observe(scroll.current);
    return () => observer.disconnect();
  }, [scrollToEnd]);
  // What grows below the view is not scrolled, but there is something newer then.
  const size = virtualizer.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at anew when the size changes
  useEffect(look, [look, size]);

  const canLoad = hasMore && !isGone(transcript);
  const older = useOlder(session, canLoad && first <= AHEAD);
  const found = useTarget(session, transcript, place, (index) =>
    virtualizer.scrollToIndex(index, { align: 'center' }),
  );
  const lastMessage = items.findLast((item) => item.kind === 'message' && item.status === 'sent');
  const lastAnswer = items.at(-1);

  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroll}
        role="log"
        aria-label={text.conversation.label}
        // The announcer speaks; a region that grows with every token would not stop to.
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        onScroll={look}
        // Opaque, so that the browser can move what is drawn already instead of drawing it again.
        className="h-full overflow-y-auto overscroll-contain bg-canvas outline-offset-[-3px] [overflow-anchor:none]"
      >
        <div className="relative" style={{ height: size }}>
          <div className="absolute inset-x-0 top-0 flex h-14 items-center justify-center text-xs text-muted">
            {canLoad ? (
              <OlderWords older={older} />
            ) : hasMore ? (
              text.conversation.olderGone
            ) : (
              text.conversation.start
            )}
          </div>
          <div
            className="absolute inset-x-0 top-0"
            style={{ transform: `translateY(${rows[0]?.start ?? 0}px)` }}
          >
            {rows.map(({ key, index }) => {
              const item = items[index];
              if (!item) return null;
              return (
                <div
                  key={key}
                  ref={virtualizer.measureElement}
                  data-index={index}
                  className="px-3 sm:px-4"
                >
                  <div className={`mx-auto max-w-reading ${found === keyOf(item) ? FOUND : ''}`}>
                    {item.kind === 'message' ? (
                      <MessageView
                        item={item}
                        session={session}
                        agent={agent}
                        me={transcript.you?.id}
                        canEdit={item === lastMessage}
                        isEditing={item.id === editing}
                        onEdit={onEdit}
                      />
                    ) : (
                      <AnswerView
                        item={item}
                        session={session}
                        agent={agent}
                        isLast={item === lastAnswer}
                      />
                    )}
                  </div>
                </div>
              );
            })}
          </div>
        </div>
      </div>
      {!isAtEnd && (
        <button
          type="button"
          onClick={() => {
            scrollToEnd();
            scroll.current?.focus();
          }}
          className="absolute bottom-2 left-1/2 flex h-9 -translate-x-1/2 items-center gap-1.5 rounded-full whitespace-nowrap border border-line bg-raised ps-3 pe-3.5 text-sm shadow-float hover:bg-hover motion-safe:animate-appear"
        >
          <DownIcon className="size-4" /> {text.conversation.toNewest}
        </button>
      )}
    </div>
  );
}

function keyOf(item: TranscriptItem | undefined): string {
  if (!item) return '';
  return item.kind === 'message' ? item.id : item.runId;
}

/** Good enough until it is measured: what is off moves the scroll bar, not what one reads. */
function estimate(item: TranscriptItem | undefined): number {
  if (!item) return 80;
  const lines = Math.ceil(item.text.length / 85) || 1;
  return item.kind === 'message' ? 62 + 26 * lines : 84 + 26 * lines;
}

/** Brings the message that the address names into view, loading what lies before it. */
function useTarget(
  session: Session,
  { items, status, hasMore }: TranscriptSnapshot,
  place: Place,
  show: (index: number) => void,
): string | undefined {
  const [found, setFound] = useState<string>();
  const done = useRef<Place>(undefined);
  const asked = useRef<Place>(undefined);
  const { messageId } = place;
  useEffect(() => {
    if (messageId === undefined || done.current === place || status === 'opening') return;
    const index = items.findIndex((item) => isNamed(item, messageId));
    if (index !== -1) {
      done.current = place;
      setFound(keyOf(items[index]));
      show(index);
    } else if (hasMore && asked.current !== place) {
      asked.current = place;
      session.loadOlder({ to: messageId }).catch(() => {
        if (asked.current !== place) return;
        done.current = place;
        notify({
          id: 'target',
          words: (text) => text.conversation.notLoaded,
          tone: 'problem',
        });
      });
    } else if (!hasMore) {
      done.current = place;
      notify({ id: 'target', words: (text) => text.conversation.notFound });
    }
  }, [session, items, status, hasMore, place, messageId, show]);
  return found;
}

function isNamed(item: TranscriptItem, messageId: string): boolean {
  return item.kind === 'message' ? item.id === messageId : item.messageId === messageId;
}
