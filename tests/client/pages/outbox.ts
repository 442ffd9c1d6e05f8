/** A page, or a worker, with a client that the test talks to by way of globals or messages. */
import { createClient, indexedDbStorage } from '@parley/client';

const page = {
  /** The ids of what is kept for this server. */
  async kept(url: string) {
    return (await indexedDbStorage(`parley outbox ${url}`).load()).map(({ id }) => id);
  },
  open(url: string) {
    const client = createClient({ url });
    const warnings: unknown[] = [];
    client.on('warning', ({ code }) => warnings.push(code));
    return { client, warnings };
  },
};
declare global {
  var parley: typeof page;
}
globalThis.parley = page;

// In a worker: asks what it is told to, and says how it ended.
if (typeof document === 'undefined') {
  globalThis.onmessage = ({ data: { url, text } }: MessageEvent) => {
    const { client } = page.open(url);
    const session = client.session();
    session.transcript.subscribe(() => {
      const item = session.transcript.snapshot().items.at(-1);
      if (item?.kind !== 'answer' || item.status !== 'complete') return;
      globalThis.postMessage({ text: item.text, kept: 'indexedDB' in globalThis });
      client.close();
    });
    session.send(text);
  };
}
