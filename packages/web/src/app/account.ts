/** Signing in with a token and out again, where the server wants to know who one is. */
import { useEffect, useState } from 'react';
import { client, SOCKET_URL } from './client.ts';
import { forgetKept, forgetKeptInTab, keep, onKeptChange, readKept } from './kept.ts';

/** The last one who signed in here: what they left is for nobody else. */
const PERSON = 'person';

type Mode = 'none' | 'anonymous' | 'token' | 'custom';
let mode: Promise<Mode | undefined> | undefined;

/** How somebody becomes known to the server; `undefined` until it has said so. */
export function useAuthMode(): Mode | undefined {
  const [known, setKnown] = useState<Mode>();
  useEffect(() => {
    mode ??= fetch('/api/config')
      .then((response) => response.json() as Promise<{ data: { auth: Mode } }>)
      .then(
        ({ data }) => data.auth,
        () => {
          mode = undefined;
          return undefined;
        },
      );
    void mode.then(setKnown);
  }, []);
  return known;
}

const atStart = readKept(PERSON);
// What was written here by one is not shown to another who has signed in in another tab.
onKeptChange(PERSON, () => {
  if (readKept(PERSON) !== atStart) forgetKeptInTab();
});

export type SignInResult = 'signed in' | 'wrong' | 'tooMany' | 'unreachable';

export async function signIn(token: string): Promise<SignInResult> {
  try {
    const response = await fetch('/api/sign-in', {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
    });
    if (response.status === 401) return 'wrong';
    if (response.status === 429) return 'tooMany';
    if (!response.ok) return 'unreachable';
    const { data } = (await response.json()) as { data: { id: string } };
    const before = readKept<string>(PERSON);
    if (before !== undefined && before !== data.id) await forget();
    keep(PERSON, data.id);
    return 'signed in';
  } catch {
    return 'unreachable';
  }
}

/** Whether somebody has signed in here, as far as the page knows. */
export function isSignedIn(): boolean {
  return readKept(PERSON) !== undefined;
}

/** Whether the server says so now. */
export async function isAdministrator(): Promise<boolean> {
  try {
    const response = await fetch('/api/me');
    const { data } = (await response.json()) as { data?: { is_admin: boolean } };
    return data?.is_admin === true;
  } catch {
    return false;
  }
}

/** @throws {Error} where the server cannot be reached: then one is still signed in. */
export async function signOut(): Promise<void> {
  const response = await fetch('/api/sign-out', { method: 'POST' });
  // Who is not known any more has been signed out.
  if (!response.ok && response.status !== 401) throw new Error(`It answered ${response.status}.`);
  await forget();
}

/** Takes away what a person leaves in the browser: drafts, what is unread, what was not sent. */
async function forget(): Promise<void> {
  client.close();
  // First, so that other tabs forget what they have before they hear that it is kept no more.
  keep(PERSON, undefined);
  forgetKept();
  await new Promise<void>((resolve) => {
    const request = indexedDB.deleteDatabase(`parley outbox ${SOCKET_URL}`);
    for (const type of ['success', 'error', 'blocked']) {
      request.addEventListener(type, () => resolve());
    }
  });
}
