/** Lets the owner of a chat invite others into it by a link. */
import { useId, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { useText } from '../text/text.tsx';

type Access = 'read' | 'write';
type Made =
  | { readonly status: 'none' | 'busy' | 'failed' }
  | { readonly status: 'made'; readonly link: string; readonly isCopied: boolean };

export function InvitationForm({ sessionId }: { readonly sessionId: string }) {
  const { text } = useText();
  const words = text.share;
  const name = useId();
  const [access, setAccess] = useState<Access>('write');
  const [made, setMade] = useState<Made>({ status: 'none' });

  async function make(): Promise<void> {
    setMade({ status: 'busy' });
    try {
      const link = await makeLink(sessionId, access);
      // Not every browser lets a page write to the clipboard: the link is there to be copied by hand.
      const isCopied = await navigator.clipboard.writeText(link).then(
        () => true,
        () => false,
      );
      setMade({ status: 'made', link, isCopied });
    } catch {
      setMade({ status: 'failed' });
    }
  }

  return (
    <section>
      <h3 className="pb-1 text-sm font-semibold">{words.invite}</h3>
      <p className="pb-3 text-sm text-muted">{words.explanation}</p>
      <fieldset className="space-y-2 pb-4">
        {(['write', 'read'] as const).map((value) => (
          <label key={value} className="flex items-center gap-2.5 text-sm">
            <input
              type="radio"
              name={name}
              checked={access === value}
              onChange={() => {
                setAccess(value);
                setMade({ status: 'none' });
              }}
              className="accent-accent"
            />
            {words.access[value]}
          </label>
        ))}
      </fieldset>
      {made.status === 'made' ? (
        <div role="status" className="space-y-2 text-sm">
          <p>{made.isCopied ? words.copied : words.copyIt}</p>
          <input
            readOnly
            aria-label={words.link}
            value={made.link}
            onFocus={(event) => event.currentTarget.select()}
            className="w-full rounded-lg border border-line bg-canvas px-3 py-2"
          />
        </div>
      ) : (
        <Button look="accent" disabled={made.status === 'busy'} onClick={() => void make()}>
          {words.make}
        </Button>
      )}
      {made.status === 'failed' && (
        <p role="alert" className="pt-2 text-sm text-danger">
          {words.failed}
        </p>
      )}
    </section>
  );
}

/** @throws {Error} where it was refused, or the server cannot be reached. */
async function makeLink(sessionId: string, access: Access): Promise<string> {
  const response = await fetch(`/api/sessions/${encodeURIComponent(sessionId)}/invitations`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ access }),
  });
  if (!response.ok) throw new Error(`It answered ${response.status}.`);
  const { data } = (await response.json()) as { data: { path: string } };
  return new URL(data.path, location.origin).href;
}
