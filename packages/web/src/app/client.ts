/** The one client of the page, and the server beside its WebSocket. */
import { createInterim } from './interim.ts';

const socket = new URL('/ws', location.href);
socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
socket.hash = '';

export const client = createInterim(socket.href);
