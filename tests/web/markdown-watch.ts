/** Hears and sees whatever a hostile answer might achieve in a page. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

/** A server that nobody may call. Every connection counts, even one with no request. */
export async function startCanary(): Promise<{ url: string; calls: string[] }> {
  const calls: string[] = [];
  const server = createServer((socket) => {
    const call = { heard: 'a connection' };
    calls.push(call.heard);
    socket.once('data', (data) => {
      calls.push(data.toString('latin1').split('\r\n', 1)[0] ?? '');
      socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

/** Called by payloads, where their script runs. */
export const TRIPWIRE = "tripwire('script')";

declare global {
  var tripped: string[];
  var tripwire: (what: string) => void;
}

/** Collects what goes wrong: scripts that ran, what the policy had to stop, requests, dialogs, windows. */
export async function watch(page: Page, url: string): Promise<string[]> {
  const wrong: string[] = [];
  await page.exposeFunction('report', (what: string) => wrong.push(what));
  // In every frame, the sandboxed ones too.
  await page.addInitScript(() => {
    const report = (what: string) =>
      (globalThis as unknown as { report: (what: string) => void }).report(what);
    globalThis.tripwire = (what) => report(`ran: ${what}`);
    addEventListener('securitypolicyviolation', (event) => {
      report(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('popup', (popup) => wrong.push(`window: ${popup.url()}`));
  page.on('download', (download) => wrong.push(`download: ${download.url()}`));
  page.on('framenavigated', (frame) => {
    if (!frame.url().startsWith(url) && frame.url() !== 'about:blank') {
      wrong.push(`navigation: ${frame.url()}`);
    }
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith('data:image/svg+xml')) {
      wrong.push(`request: ${request.url().slice(0, 200)}`);
    }
  });
  return wrong;
}

/** Elements and attributes that an answer may consist of, whatever was written. */
export function strangersInPage(): string[] {
  const elements = new Set(
    (
      'p h3 h4 h5 h6 blockquote ul ol li input table thead tbody tr th td hr figure figcaption pre code ' +
      'span div em strong del a bdi br sup section button svg path img line ' +
      'math semantics annotation mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup ' +
      'munder mover munderover mtable mtr mtd mstyle mpadded mphantom menclose'
    ).split(' '),
  );
  const attributes =
    /^(?:class|dir|start|type|checked|disabled|aria-[a-z]+|role|tabindex|scope|href|title|target|rel|referrerpolicy|id|viewbox|d|width|height|alt|src|style|xmlns|encoding|display|mathvariant|mathcolor|mathbackground|stretchy|fence|separator|accent|accentunder|voffset|depth|lspace|rspace|minsize|maxsize|linethickness|column[a-z]+|row[a-z]+|scriptlevel|displaystyle|movablelimits|largeop|symmetric|notation|preserveaspectratio|[xy][12]|stroke-width|form|side)$/;
  const strangers: string[] = [];
  for (const element of document.querySelectorAll('.markdown *')) {
    const name = element.localName;
    if (!elements.has(name)) strangers.push(`<${name}>`);
    for (const { name: attribute, value } of element.attributes) {
      const lower = attribute.toLowerCase();
      const isStyle = lower === 'style' && !element.closest('.katex');
      if (!attributes.test(lower) || isStyle) strangers.push(`<${name} ${attribute}="${value}">`);
      if (lower === 'src' && !value.startsWith('data:image/svg+xml')) {
        strangers.push(`<${name} src="${value}">`);
      }
      if (lower === 'id' && !/^_r_\w+_note-\d+$/.test(value)) strangers.push(`id ${value}`);
      if (lower === 'href' && !/^(?:https?:\/\/|mailto:|#_r_\w+_note-\d+$)/.test(value)) {
        strangers.push(`href ${value}`);
      }
      if (lower === 'href' && !value.startsWith('#')) {
        const { target, rel } = element as HTMLAnchorElement;
        if (target !== '_blank' || rel !== 'noopener noreferrer nofollow') {
          strangers.push(`link ${value} without its marks`);
        }
      }
    }
  }
  return strangers;
}
