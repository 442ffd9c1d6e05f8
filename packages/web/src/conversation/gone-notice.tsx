import type { TranscriptSnapshot } from '@parley/client';
import { Link } from '../app/link.tsx';
import { NewChatIcon, WarningIcon } from '../controls/icons.tsx';
import { errorInWords } from '../text/errors.ts';
import { useText } from '../text/text.tsx';

/** Nothing more can be asked here. */
export function isGone({ status }: TranscriptSnapshot): boolean {
  return status === 'deleted' || status === 'expired' || status === 'refused';
}

/** Stands where one would write: why one cannot, and what to do. */
export function GoneNotice({ transcript }: { readonly transcript: TranscriptSnapshot }) {
  const { text } = useText();
  const { status, problem, items } = transcript;
  return (
    <div
      role="alert"
      className="mb-1 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-2xl bg-warning-tint px-4 py-3 text-sm text-warning"
    >
      <WarningIcon />
      <p className="min-w-48 flex-1">
        {wordsFor(status, problem?.code)}
        {items.length > 0 && ` ${text.gone.readable}`}
      </p>
      <Link
        to="/"
        className="flex min-h-9 items-center gap-2 rounded-lg border border-current px-3 font-medium"
      >
        <NewChatIcon className="size-4" /> {text.newChat}
      </Link>
    </div>
  );

  function wordsFor(how: TranscriptSnapshot['status'], code: string | undefined): string {
    if (how === 'deleted') return text.gone.deleted;
    if (how === 'expired') return text.gone.expired;
    if (code === 'SESSION_NOT_FOUND') return text.gone.notFound;
    return problem ? errorInWords(problem, text) : text.gone.refused;
  }
}
