/** Colours for code, found in a worker, so that no grammar and no text can hold the page up. */
import { useEffect, useRef, useState } from 'react';
import type { HighlightMessage, HighlightRequest } from './highlight-worker.ts';
import { type LanguageName, languageOf } from './languages.ts';

/** Class and text in turn; an empty class where there is none. */
export type TokenLine = readonly string[];

export interface Highlighted {
  readonly code: string;
  readonly lines: readonly TokenLine[];
}

/** Longer code stays plain, UTF-16 code units. */
const MAX_HIGHLIGHTED = 40_000;

/** While code grows, milliseconds. */
const PAUSE = 400;

/** A code that takes longer is given up, and stays plain, milliseconds. What has to be loaded for it does not count. */
const TIME_LIMIT = 3_000;

/** The newest highlighting of a code: it may be of its beginning, while the code grows. */
export function useHighlight(
  code: string,
  written: string,
  closed: boolean,
): Highlighted | undefined {
  const [highlighted, setHighlighted] = useState<Highlighted>();
  const newest = useRef(code);
  newest.current = code;
  const language = code.length <= MAX_HIGHLIGHTED ? languageOf(written) : undefined;
  const pausedUntil = useRef(0);
  // While the code grows a request is made now and then; when it is complete, one for all of it.
  const request = closed ? code : Math.floor(code.length / 200);
  useEffect(() => {
    if (!language || request === 0) return;
    let current = true;
    const wait = closed ? 0 : Math.max(0, pausedUntil.current - performance.now());
    const timer = setTimeout(() => {
      pausedUntil.current = performance.now() + PAUSE;
      const asked = closed ? newest.current : wholeLines(newest.current);
      highlight(language, asked).then((lines) => {
        if (current && lines) {
          setHighlighted((last) => ({ code: asked, lines: keep(lines, last?.lines ?? []) }));
        }
      });
    }, wait);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [request, language, closed]);
  return language && highlighted;
}

function wholeLines(code: string): string {
  return code.slice(0, code.lastIndexOf('\n') + 1);
}

/** Lines that are as they were stay the same objects. */
function keep(lines: readonly TokenLine[], last: readonly TokenLine[]): readonly TokenLine[] {
  return lines.map((line, index) => {
    const before = last[index];
    const isSame = before?.length === line.length && line.every((part, i) => part === before[i]);
    return isSame ? before : line;
  });
}

type Settle = (lines: readonly TokenLine[] | undefined) => void;

let worker: Worker | undefined;
let nextId = 1;
const waiting = new Map<number, Settle>();
let deadline: ReturnType<typeof setTimeout> | undefined;

/** `undefined` where it cannot be done, or not in time. */
function highlight(
  language: LanguageName,
  code: string,
): Promise<readonly TokenLine[] | undefined> {
  worker ??= startWorker();
  const id = nextId;
  nextId += 1;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    worker?.postMessage({ id, language, code } satisfies HighlightRequest);
  });
}

function startWorker(): Worker {
  const started = new Worker(new URL('./highlight-worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<HighlightMessage>) => {
    clearTimeout(deadline);
    if (data === 'begun') {
      deadline = setTimeout(giveUp, TIME_LIMIT);
      return;
    }
    waiting.get(data.id)?.(data.lines);
    waiting.delete(data.id);
  });
  started.addEventListener('error', giveUp);
  return started;
}

function giveUp(): void {
  worker?.terminate();
  worker = undefined;
  clearTimeout(deadline);
  for (const settle of waiting.values()) settle(undefined);
  waiting.clear();
}
