/** Who is in a chat; its owner invites others and takes them out, the others may leave. */
import { type ReactNode, useEffect, useState } from 'react';
import { currentPlace, navigate } from '../app/router.ts';
import { Button } from '../controls/button.tsx';
import { Dialog } from '../controls/dialog.tsx';
import { useText } from '../text/text.tsx';
import { InvitationForm } from './invitation-form.tsx';
import { loadPeople, type People, removeMember } from './members.ts';

interface Props {
  readonly sessionId: string;
  readonly onClose: () => void;
}

export function ShareDialog({ sessionId, onClose }: Props) {
  const { text } = useText();
  const words = text.share;
  const [people, setPeople] = useState<People | 'loading' | 'failed'>('loading');
  const [hasFailed, setFailed] = useState(false);
  useEffect(() => {
    let wanted = true;
    loadPeople(sessionId).then(
      (loaded) => wanted && setPeople(loaded),
      () => wanted && setPeople('failed'),
    );
    return () => {
      wanted = false;
    };
  }, [sessionId]);

  async function remove(id: string): Promise<void> {
    if (typeof people === 'string') return;
    setFailed(false);
    try {
      await removeMember(sessionId, id);
    } catch {
      setFailed(true);
      return;
    }
    if (id !== people.me) {
      setPeople({ ...people, members: people.members.filter((member) => member.id !== id) });
      return;
    }
    onClose();
    if (currentPlace().sessionId === sessionId) navigate('/');
  }

  return (
    <Dialog open onOpenChange={onClose} title={words.title}>
      {people === 'loading' ? (
        <p className="text-sm text-muted">{text.loading}</p>
      ) : people === 'failed' ? (
        <p role="alert" className="text-sm text-danger">
          {words.peopleFailed}
        </p>
      ) : (
        <>
          <h3 className="pb-1 text-sm font-semibold">{words.people}</h3>
          <PeopleList people={people} onRemove={(id) => void remove(id)} />
          {hasFailed && (
            <p role="alert" className="pt-2 text-sm text-danger">
              {words.removeFailed}
            </p>
          )}
          {people.mayInvite && (
            <>
              <hr className="my-4 border-line" />
              <InvitationForm sessionId={sessionId} />
            </>
          )}
        </>
      )}
    </Dialog>
  );
}

interface ListProps {
  readonly people: People;
  readonly onRemove: (id: string) => void;
}

function PeopleList({ people: { owner, members, me, mayInvite }, onRemove }: ListProps) {
  const { text } = useText();
  const words = text.share;
  return (
    <ul className="divide-y divide-line">
      <Person name={owner} isMe={owner === me} may={words.owner} />
      {members.map(({ id, access }) => (
        <Person key={id} name={id} isMe={id === me} may={words.access[access]}>
          {id === me ? (
            <Button onClick={() => onRemove(id)}>{words.leave}</Button>
          ) : (
            mayInvite && (
              <Button aria-label={words.removeOne(id)} onClick={() => onRemove(id)}>
                {words.remove}
              </Button>
            )
          )}
        </Person>
      ))}
    </ul>
  );
}

interface PersonProps {
  readonly name: string;
  readonly isMe: boolean;
  readonly may: string;
  readonly children?: ReactNode;
}

function Person({ name, isMe, may, children }: PersonProps) {
  const { text } = useText();
  return (
    <li className="flex min-h-12 items-center gap-3 py-1.5 text-sm">
      <span className="min-w-0 flex-1">
        <span dir="auto" className="block truncate font-medium" title={name}>
          {isMe ? text.conversation.you : name}
        </span>
        <span className="block text-xs text-muted">{may}</span>
      </span>
      {children}
    </li>
  );
}
