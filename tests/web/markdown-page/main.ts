/** A page with nothing but answers on it, which a test writes. */
import { createElement } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { Markdown } from '../../../packages/web/src/markdown/markdown.tsx';

export interface Answer {
  readonly text: string;
  readonly streaming: boolean;
}

declare global {
  /** Shows these answers, one below the other. */
  var show: (answers: readonly Answer[]) => void;
}

const element = document.getElementById('root');
if (!element) throw new Error('There is no #root.');
// The page of the chat is a column that scrolls itself; here the page does.
document.body.style.overflow = 'auto';
const root = createRoot(element);
globalThis.show = (answers) =>
  flushSync(() =>
    root.render([
      createElement('h1', { key: 'title' }, 'Answers'),
      createElement('h2', { key: 'part' }, 'Some'),
      answers.map((answer, index) =>
        createElement('article', { key: index }, createElement(Markdown, answer)),
      ),
    ]),
  );
