/** What the browser's own tracing says of a page. */
import type { Page } from 'playwright-core';

export interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds, on the clock that all events of a trace share. */
  readonly ts: number;
  /** The time that passed, microseconds. */
  readonly dur?: number;
  /** Processor time of the thread, microseconds. */
  readonly tdur?: number;
  readonly args?: Readonly<Record<string, unknown>> & { readonly name?: string };
}

/** Kilobytes of the browser's memory for a trace; what does not fit in would be missing from it. */
const BUFFER_KB = 400_000;

/** Every event of these categories while `action` runs, in all processes of the browser. */
export async function trace(
  page: Page,
  categories: readonly string[],
  action: () => Promise<void>,
): Promise<TraceEvent[]> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  await session.send('Tracing.start', {
    traceConfig: { includedCategories: [...categories], traceBufferSizeInKb: BUFFER_KB },
    transferMode: 'ReportEvents',
  });
  await action();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  return events;
}

/** The tasks on the main threads of pages; trace `toplevel` and `devtools.timeline` for them. */
export function mainTasks(events: readonly TraceEvent[]): TraceEvent[] {
  const main = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  return events.filter(
    ({ name, ph, pid, tid }) => ph === 'X' && main.has(`${pid} ${tid}`) && /RunTask$/.test(name),
  );
}

/**
 * The processor time of each task on the main thread while `action` runs, in milliseconds, longest first.
 * It is not the time that passed, so that a machine that is busy elsewhere changes little.
 */
export async function tasksOf(page: Page, action: () => Promise<void>): Promise<number[]> {
  const events = await trace(page, ['toplevel', 'devtools.timeline'], action);
  return mainTasks(events)
    .map(({ tdur = 0 }) => Math.round(tdur / 1_000))
    .sort((a, b) => b - a);
}
