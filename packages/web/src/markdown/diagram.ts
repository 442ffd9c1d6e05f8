/**
 * Draws a Mermaid diagram in a frame that can do nothing: a sandbox of an origin of its own, under a
 * policy that allows no connection. What comes out of it is a picture, shown in an `<img>`, where no
 * script runs, nothing is loaded and nothing can be clicked.
 */
import { diagramRequest, isDiagramMessage } from './diagram-messages.ts';

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

/** @throws {Error} whose message says what Mermaid found, or whose message is empty. */
export function drawDiagram(source: string, dark: boolean, signal: AbortSignal): Promise<Drawing> {
  if (source.length > MAX_SOURCE) {
    return Promise.reject(new Error(`It is longer than ${MAX_SOURCE} characters.`));
  }
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.className = 'diagram-frame';
  frame.ariaHidden = 'true';
  frame.tabIndex = -1;
  frame.src = '/diagram.html';
  const end = new AbortController();
  const signals = AbortSignal.any([signal, end.signal, AbortSignal.timeout(TIME_LIMIT)]);
  return new Promise<Drawing>((resolve, reject) => {
    signals.addEventListener('abort', () => reject(new Error('')));
    const listen = ({ data, source: sender }: MessageEvent<unknown>) => {
      if (sender !== frame.contentWindow || !isDiagramMessage(data)) return;
      if (data.type === 'ready') {
        // Its origin is opaque, so it cannot be named.
        frame.contentWindow?.postMessage(diagramRequest(source, dark), '*');
      } else if (data.type === 'failed') reject(new Error(data.reason.slice(0, 500)));
      else if (data.svg.length > MAX_PICTURE) reject(new Error(''));
      else {
        resolve({
          url: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(data.svg)}`,
          width: side(data.width),
          height: side(data.height),
          dark,
        });
      }
    };
    window.addEventListener('message', listen, { signal: signals });
    document.body.append(frame);
  }).finally(() => {
    frame.remove();
    end.abort();
  });
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
