/** `/join#…`: somebody was invited to a chat and comes in. */
import { notify } from './notices.ts';
import { navigate, pathOf } from './router.ts';

/** Where the page was opened with an invitation, accepts it and goes to its chat. */
export async function acceptInvitation(): Promise<void> {
  if (location.pathname !== '/join') return;
  const invitation = location.hash.slice(1);
  // An invitation stays no longer in the address than it has to.
  navigate('/', { replace: true });
  try {
    const response = await fetch('/api/invitations', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ invitation }),
    });
    if (response.status === 401) {
      // Who signs in first opens the link once more.
      navigate(`/join#${invitation}`, { replace: true });
      return;
    }
    if (!response.ok) throw new Error(`It answered ${response.status}.`);
    const { data } = (await response.json()) as { data: { session_id: string } };
    navigate(pathOf(data.session_id), { replace: true });
  } catch {
    notify({
      id: 'invitation',
      words: ({ share }) => share.notAccepted,
      tone: 'problem',
      duration: Number.POSITIVE_INFINITY,
    });
  }
}
