import type { TranscriptSnapshot } from '@parley/client';
import { PeopleIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';

/** Who is the one person of a server without authentication. */
const ANYBODY = 'local';

/** Who else is here, and who writes. The line keeps its height, so that nothing jumps. */
export function People({ transcript }: { readonly transcript: TranscriptSnapshot }) {
  const { text } = useText();
  const { typing, connections } = transcript;
  const [first] = typing;
  const others = connections - 1;
  return (
    <p className="flex h-6 items-center gap-1.5 px-1 text-xs text-muted">
      {first !== undefined ? (
        <>
          <span className="size-1.5 rounded-full bg-accent motion-safe:animate-breathe group-data-lost/chat:animate-none!" />
          <span dir="auto" className="truncate">
            {typing.length === 1
              ? text.people.typingOne(first === ANYBODY ? text.people.somebody : first)
              : text.people.typingMany(typing.length)}
          </span>
        </>
      ) : (
        others > 0 && (
          <>
            <PeopleIcon className="size-3.5" />
            {text.people.elsewhere(others)}
          </>
        )
      )}
    </p>
  );
}
