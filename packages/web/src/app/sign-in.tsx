/** Asks who somebody is, where the server wants to know; over everything else. */
import { useConnection } from '@parley/client/react';
import { type FormEvent, useId, useState } from 'react';
import { Button } from '../controls/button.tsx';
import { Logo } from '../controls/logo.tsx';
import { useText } from '../text/text.tsx';
import { type SignInResult, signIn } from './account.ts';
import { client } from './client.ts';

/** Where administrators sign in who are somebody else to the chat, and the page that they come from. */
const [OF_ADMINISTRATORS, MONITOR] = ['/monitor/sign-in', '/monitor'];

/** The close code of a connection whose person is not known, or not any more. */
const NOT_AUTHENTICATED = 4401;

/** Whether the server has said that it does not know who is here, or somebody wants to be somebody else. */
export function useAsksForToken(): boolean {
  const state = useConnection(client);
  const isUnknown = state.status === 'closed' && state.code === NOT_AUTHENTICATED;
  return isUnknown || location.pathname === OF_ADMINISTRATORS;
}

export function SignIn() {
  const { text } = useText();
  const field = useId();
  const [problem, setProblem] = useState<Exclude<SignInResult, 'signed in'>>();
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get('token');
    setBusy(true);
    const result = await signIn(String(token).trim());
    if (result === 'signed in') {
      if (location.pathname === OF_ADMINISTRATORS) location.assign(MONITOR);
      else location.reload();
    } else {
      setProblem(result);
      setBusy(false);
    }
  }

  return (
    <main className="grid h-full place-items-center p-4">
      <form
        onSubmit={(event) => void submit(event)}
        className="w-full max-w-sm space-y-4 rounded-2xl border border-line bg-raised p-6 shadow-float"
      >
        <h1 className="flex items-center gap-3 text-lg font-semibold">
          <Logo /> {text.account.title}
        </h1>
        <p className="text-sm text-muted">{text.account.explanation}</p>
        <label htmlFor={field} className="block text-sm font-medium">
          {text.account.token}
        </label>
        <input
          id={field}
          name="token"
          type="password"
          autoComplete="current-password"
          required
          // biome-ignore lint/a11y/noAutofocus: there is nothing else to do on this page.
          autoFocus
          aria-invalid={problem === 'wrong'}
          className="w-full rounded-lg border border-line bg-canvas px-3 py-2"
        />
        {problem && (
          <p role="alert" className="text-sm text-danger">
            {text.account.problems[problem]}
          </p>
        )}
        <Button type="submit" look="accent" disabled={isBusy} className="w-full">
          {text.account.signIn}
        </Button>
      </form>
    </main>
  );
}
