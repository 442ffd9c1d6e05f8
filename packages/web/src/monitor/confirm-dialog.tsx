/** Says what an act will do before it is done, and why it was not, if so. */
import { type ReactNode, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { useWords } from './words.ts';

interface Props {
  readonly title: string;
  readonly confirm: string;
  /** @throws {Error} where it was not done. */
  readonly act: () => Promise<void>;
  readonly onClose: () => void;
  /** Takes an error that is none to be said; `true`: it has. */
  readonly onError?: (error: unknown) => boolean;
  readonly children: ReactNode;
}

export function ConfirmDialog({ title, confirm, act, onClose, onError, children }: Props) {
  const { words, reasonOf } = useWords();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string>();

  async function perform(): Promise<void> {
    setBusy(true);
    setFailure(undefined);
    try {
      await act();
      onClose();
    } catch (error) {
      if (!onError?.(error)) setFailure(words.failed(reasonOf(error)));
      setBusy(false);
    }
  }

  return (
    <Dialog open onOpenChange={onClose} title={title}>
      <div className="space-y-3 text-sm">
        {children}
        {failure !== undefined && (
          <p role="alert" className="text-danger">
            {failure}
          </p>
        )}
        <div className="flex justify-end gap-2 pt-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button look="danger" disabled={isBusy} onClick={() => void perform()}>
            {confirm}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
