/** The web chat of Parley. It connects and asks for its chat first; meanwhile the rest is read. */
import './style.css';
import { openSession } from './app/open-sessions.ts';
import { currentPlace } from './app/router.ts';

const { sessionId } = currentPlace();
if (sessionId !== undefined) openSession(sessionId);
void import('./page.tsx');
// Whoever writes the first time of day has the browser read its tables, which takes tens of milliseconds:
// now, while it waits for the rest, and not in the middle of an answer.
new Intl.DateTimeFormat(navigator.language, { timeStyle: 'short' }).format();
