import { IconButton } from '../controls/icon-button.tsx';
import { CloseIcon, WarningIcon } from '../controls/icons.tsx';
import { useText } from '../text/text.tsx';
import { dismiss, type Notice, useNotices } from './notices.ts';

/** Always in the page, so that a screen reader hears of what comes into it. */
export function NoticeList() {
  const { text } = useText();
  const notices = useNotices();
  return (
    <div
      role="status"
      className="pointer-events-none fixed inset-x-0 top-3 z-50 flex flex-col items-center gap-2 px-3"
    >
      {notices.map((notice) => (
        <div
          key={notice.id}
          className={`pointer-events-auto flex max-w-full items-center gap-2 rounded-xl py-1.5 ps-4 pe-1.5 text-sm text-canvas shadow-float motion-safe:animate-appear ${notice.tone === 'problem' ? 'bg-danger' : 'bg-ink'}`}
        >
          {notice.tone === 'problem' && <WarningIcon className="size-4.5 shrink-0" />}
          <span className="min-w-0 py-1 wrap-anywhere">{notice.words(text)}</span>
          {notice.action && <Action notice={notice} action={notice.action} />}
          <IconButton
            label={text.dismiss}
            className="size-8! text-canvas! hover:bg-canvas/15! focus-visible:outline-canvas!"
            onClick={() => dismiss(notice.id)}
          >
            <CloseIcon className="size-4" />
          </IconButton>
        </div>
      ))}
    </div>
  );
}

interface ActionProps {
  readonly notice: Notice;
  readonly action: NonNullable<Notice['action']>;
}

function Action({ notice, action }: ActionProps) {
  const { text } = useText();
  return (
    <button
      type="button"
      className="min-h-8 rounded-lg px-2.5 font-semibold underline underline-offset-4 hover:bg-canvas/15 focus-visible:outline-canvas"
      onClick={() => {
        dismiss(notice.id);
        action.perform();
      }}
    >
      {action.words(text)}
    </button>
  );
}
