import type { MessageItem, Session } from '@parley/client';
import { memo } from 'react';
import { Button } from '../controls/button.tsx';
import { CopyButton } from '../controls/copy-button.tsx';
import { IconButton } from '../controls/icon-button.tsx';
import { EditIcon, WarningIcon } from '../controls/icons.tsx';
import { errorInWords } from '../text/errors.ts';
import { type Text, useText } from '../text/text.tsx';
import { Editor } from './editor.tsx';
import { Timestamp } from './timestamp.tsx';

interface Props {
  readonly item: MessageItem;
  readonly session: Session;
  /** Who is asked now, where one asks again. */
  readonly agent: string | undefined;
  /** One's own id, as the server knows it. */
  readonly me: string | undefined;
  readonly canEdit: boolean;
  readonly isEditing: boolean;
  readonly onEdit: (messageId: string | undefined) => void;
}

export const MessageView = memo(function MessageView(props: Props) {
  const { item, session, agent, me, canEdit, isEditing, onEdit } = props;
  const { text } = useText();
  const name = senderOf(item, me, text);
  return (
    <article aria-label={name} className="group flex flex-col items-end pt-3 pb-1">
      <h2 className={name === text.conversation.you ? 'sr-only' : 'pb-1 text-xs text-muted'}>
        {name}
      </h2>
      {isEditing ? (
        <Editor
          item={item}
          hasNewer={item.status === 'sent' && !canEdit}
          onEnd={(words) => {
            onEdit(undefined);
            if (words !== undefined) session.retry(item.id, words, agent);
          }}
        />
      ) : (
        <div
          dir="auto"
          className={`max-w-[88%] rounded-2xl px-4 py-2.5 whitespace-pre-wrap wrap-anywhere ${
            item.status === 'failed' ? 'bg-danger-tint' : 'bg-tint'
          } ${item.status === 'waiting' ? 'opacity-70' : ''}`}
        >
          {item.text}
        </div>
      )}
      {item.status === 'waiting' && <Pending onTakeBack={() => session.discard(item.id)} />}
      {item.status === 'failed' && !isEditing && (
        <Failure item={item} session={session} agent={agent} onEdit={onEdit} />
      )}
      {item.status === 'sent' && !isEditing && (
        <div className="flex h-8 items-center opacity-0 group-focus-within:opacity-100 group-hover:opacity-100 pointer-coarse:opacity-100">
          <Timestamp at={item.timestamp} />
          <CopyButton words={item.text} />
          {canEdit && (
            <IconButton
              label={text.conversation.edit}
              className="size-8!"
              onClick={() => onEdit(item.id)}
            >
              <EditIcon className="size-4" />
            </IconButton>
          )}
        </div>
      )}
    </article>
  );
});

/** A word only where it takes a while: most messages are in the log before one has looked. */
function Pending({ onTakeBack }: { readonly onTakeBack: () => void }) {
  const { text } = useText();
  return (
    <div className="flex h-8 items-center gap-1.5 px-1 text-xs text-muted delay-300 starting:opacity-0 transition-opacity">
      <span className="size-1.5 rounded-full bg-warning motion-safe:animate-breathe" />
      {text.message.waiting}
      <button
        type="button"
        className="min-h-6 rounded-md px-1.5 font-medium text-ink underline underline-offset-4 hover:bg-hover"
        onClick={onTakeBack}
      >
        {text.message.takeBack}
      </button>
    </div>
  );
}

type FailureProps = Pick<Props, 'item' | 'session' | 'agent' | 'onEdit'>;

function Failure({ item, session, agent, onEdit }: FailureProps) {
  const { text } = useText();
  return (
    <div role="alert" className="mt-1.5 flex max-w-[88%] flex-col items-end gap-2 text-sm">
      <p className="flex items-start gap-1.5 text-danger">
        <WarningIcon className="mt-0.5 size-4.5" />
        {text.message.failed(item.problem ? errorInWords(item.problem, text) : '')}
      </p>
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={() => session.discard(item.id)}>{text.conversation.discard}</Button>
        <Button onClick={() => onEdit(item.id)}>{text.conversation.edit}</Button>
        {item.problem?.code !== 'MESSAGE_TOO_LARGE' && (
          <Button onClick={() => session.retry(item.id, undefined, agent)}>
            {text.conversation.sendAgain}
          </Button>
        )}
      </div>
    </div>
  );
}

/** The one person of a server without authentication is you. */
function senderOf({ sender }: MessageItem, me: string | undefined, text: Text): string {
  return sender === undefined || sender === me ? text.conversation.you : sender;
}
