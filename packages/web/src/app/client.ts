/** The one client of the page. */
import { createClient } from '@parley/client';

const socket = new URL('/ws', location.href);
socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
socket.hash = '';

export const SOCKET_URL = socket.href;
export const client = createClient({ url: SOCKET_URL });
