/** Preloaded into a server: records what its main thread does, from one message to another. */
import { Session } from 'node:inspector/promises';

const session = new Session();
session.connect();

process.on('message', async (message) => {
  if (message === 'record') {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
  }
  if (message === 'recorded') process.send?.((await session.post('Profiler.stop')).profile);
});
