/**
 * Draws a Mermaid diagram in a frame that can do nothing: a sandbox of an origin of its own, under a
 * policy that allows no connection. What comes out of it is a picture, shown in an `<img>`, where no
 * script runs, nothing is loaded and nothing can be clicked.
 */
import { type DiagramEnd, diagramRequest, isDiagramMessage } from './diagram-messages.ts';

export interface Drawing {
  /** `data:image/svg+xml,…` */
  readonly url: string;
  /** In CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly dark: boolean;
}

/** UTF-16 code units; Mermaid's layout takes long for more. */
const MAX_SOURCE = 10_000;

/** Of the picture, UTF-16 code units. */
const MAX_PICTURE = 2_000_000;

/** Milliseconds, with loading Mermaid. */
const TIME_LIMIT = 20_000;

const MAX_SIDE = 8_000;

/** Those that wait for the frame, and the one in it. */
let open = 0;
let last: Promise<unknown> = Promise.resolve();
/** It is there while diagrams are to be drawn: loading Mermaid takes longer than drawing with it. */
let frame: HTMLIFrameElement | undefined;

/** @throws {Error} whose message says what Mermaid found, or whose message is empty. */
export function drawDiagram(source: string, dark: boolean, signal: AbortSignal): Promise<Drawing> {
  if (source.length > MAX_SOURCE) {
    return Promise.reject(new Error(`It is longer than ${MAX_SOURCE} characters.`));
  }
  open += 1;
  const drawn = last.then(() => {
    signal.throwIfAborted();
    return drawInFrame(source, dark, signal);
  });
  last = drawn
    .catch(() => {})
    .then(() => {
      open -= 1;
      if (open === 0) closeFrame();
    });
  return drawn.then((message) => {
    if (message.type === 'failed') throw new Error(message.reason.slice(0, 500));
    if (message.svg.length > MAX_PICTURE) throw new Error('');
    return {
      url: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(message.svg)}`,
      width: side(message.width),
      height: side(message.height),
      dark,
    };
  });
}

/** @throws {Error} with an empty message, and takes the frame away, where it does not answer in time. */
function drawInFrame(source: string, dark: boolean, signal: AbortSignal): Promise<DiagramEnd> {
  const end = new AbortController();
  const signals = AbortSignal.any([signal, end.signal, AbortSignal.timeout(TIME_LIMIT)]);
  return new Promise<DiagramEnd>((resolve, reject) => {
    signals.addEventListener('abort', () => reject(new Error('')));
    // Its origin is opaque, so it cannot be named.
    const ask = () => frame?.contentWindow?.postMessage(diagramRequest(source, dark), '*');
    const listen = ({ data, source: sender }: MessageEvent<unknown>) => {
      if (sender !== frame?.contentWindow || !isDiagramMessage(data)) return;
      if (data.type === 'ready') ask();
      else resolve(data);
    };
    window.addEventListener('message', listen, { signal: signals });
    if (frame) ask();
    else frame = openFrame();
  })
    .catch((error: unknown) => {
      // It may still be at work on what nobody waits for any more.
      closeFrame();
      throw error;
    })
    .finally(() => end.abort());
}

function openFrame(): HTMLIFrameElement {
  const opened = document.createElement('iframe');
  opened.setAttribute('sandbox', 'allow-scripts');
  opened.className = 'diagram-frame';
  opened.ariaHidden = 'true';
  opened.tabIndex = -1;
  opened.src = '/diagram.html';
  document.body.append(opened);
  return opened;
}

function closeFrame(): void {
  frame?.remove();
  frame = undefined;
}

function side(length: number): number {
  return Math.min(MAX_SIDE, Math.max(1, Math.ceil(length)));
}

/** Which of the two themes is shown now. */
export function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  if (theme === 'dark' || theme === 'light') return theme === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}
