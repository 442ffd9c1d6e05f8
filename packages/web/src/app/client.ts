/** The one client of the page. */
import { createClient } from '@parley/client';
import { notify } from './notices.ts';

const socket = new URL('/ws', location.href);
socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
socket.hash = '';

export const SOCKET_URL = socket.href;
export const client = createClient({ url: SOCKET_URL });

// Listened to from the start: it may fail before anything is shown.
client.on('warning', ({ code }) => {
  if (code !== 'STORAGE_FAILED') return;
  notify({
    id: 'storage',
    words: (text) => text.message.notKept,
    tone: 'problem',
    duration: Infinity,
  });
});
