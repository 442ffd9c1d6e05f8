import { useState } from 'react';
import { drainNode, type NodeReport, Refusal } from './api.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { shortId } from './units.ts';
import { Warning } from './warning.tsx';
import { useWords } from './words.ts';

interface Props {
  readonly report: NodeReport;
  readonly onClose: () => void;
  readonly onDone: (words: string) => void;
}

export function DrainDialog({ report: { node, address, role, metrics }, onClose, onDone }: Props) {
  const { words } = useWords();
  const say = words.drain;
  // The server knows, and is asked first without insisting.
  const [isLast, setLast] = useState(false);
  const { connections, runs_running: running } = metrics.gauges;
  return (
    <ConfirmDialog
      title={say.title(`${shortId(node)} (${address})`)}
      confirm={isLast ? say.confirmLast : say.confirm}
      onClose={onClose}
      act={async () => {
        await drainNode(node, isLast);
        onDone(say.done(shortId(node)));
      }}
      onError={(error) => {
        const isRefused = error instanceof Refusal && error.code === 'LAST_NODE';
        if (isRefused) setLast(true);
        return isRefused;
      }}
    >
      {role !== 'worker' && (
        <p>
          {say.closed} {connections > 0 && say.connections(connections)}
        </p>
      )}
      {role !== 'gateway' && running > 0 && <p>{say.answers(running)}</p>}
      <p>{say.end}</p>
      {isLast && (
        <Warning>
          <strong className="block">{say.lastTitle}</strong>
          {say.last}
        </Warning>
      )}
    </ConfirmDialog>
  );
}
