/** The web chat of Parley. It connects and asks for its chat first; meanwhile the rest is read. */
import './style.css';
import { openSession } from './app/open-sessions.ts';
import { currentPlace } from './app/router.ts';

const { sessionId } = currentPlace();
if (sessionId !== undefined) openSession(sessionId);
void import('./page.tsx');
