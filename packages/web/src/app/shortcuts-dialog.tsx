import { Dialog } from '../controls/dialog.tsx';
import { useText } from '../text/text.tsx';
import { SHORTCUTS } from './shortcuts.ts';

/** Those of the message field, which handles them itself. */
const WRITING = [
  { name: 'send', keys: ['Enter'] },
  { name: 'newLine', keys: ['Shift', 'Enter'] },
  { name: 'stop', keys: ['Esc'] },
  { name: 'editLast', keys: ['↑'] },
] as const;

interface Props {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
}

export function ShortcutsDialog({ open, onOpenChange }: Props) {
  const { text } = useText();
  const words = text.shortcuts.list;
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={text.shortcuts.title}>
      <h3 className="pt-1 pb-1 text-xs font-medium text-muted">{text.shortcuts.anywhere}</h3>
      <dl>
        {SHORTCUTS.map(({ name, keys }) => (
          <Row key={name} what={words[name]} keys={keys} />
        ))}
      </dl>
      <h3 className="pt-4 pb-1 text-xs font-medium text-muted">{text.shortcuts.writing}</h3>
      <dl>
        {WRITING.map(({ name, keys }) => (
          <Row key={name} what={words[name]} keys={keys} />
        ))}
      </dl>
    </Dialog>
  );
}

function Row({ what, keys }: { readonly what: string; readonly keys: readonly string[] }) {
  return (
    <div className="flex items-center justify-between gap-4 border-b border-line py-1.5 text-sm last:border-0">
      <dt>{what}</dt>
      <dd className="flex gap-1" dir="ltr">
        {keys.map((key) => (
          <kbd
            key={key}
            className="min-w-6 rounded-md border border-line bg-sunken px-1.5 py-0.5 text-center font-sans text-xs"
          >
            {key}
          </kbd>
        ))}
      </dd>
    </div>
  );
}
