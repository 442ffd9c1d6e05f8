/** What a browser that was never here loads before the page can be used. */
import { gzipSync } from 'node:zlib';
import { Chat } from './chat.ts';

/** The size of each file of the page and its address, bytes as `gzip` makes them. */
export async function firstLoad(http: string): Promise<{ path: string; gzipped: number }[]> {
  const chat = await Chat.open('about:blank');
  const files: Promise<{ path: string; gzipped: number }>[] = [];
  chat.page.on('response', (response) => {
    const { pathname: path } = new URL(response.url());
    if (path.startsWith('/api/')) return;
    files.push(response.body().then((body) => ({ path, gzipped: gzipSync(body).length })));
  });
  await chat.page.goto(http);
  await chat.field.waitFor();
  await chat.page.waitForLoadState('networkidle');
  return Promise.all(files);
}
