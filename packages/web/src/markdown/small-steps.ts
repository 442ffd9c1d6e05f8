/** Work that may wait, done a little at a time, so that much of it does not hold the page up. */

/** Milliseconds of one step. */
const STEP = 10;

const queue = new Set<() => void>();
let isRunning = false;

/** Does `task` soon. Returns what takes it out of the queue. */
export function inSmallSteps(task: () => void): () => void {
  queue.add(task);
  if (!isRunning) {
    isRunning = true;
    setTimeout(run);
  }
  return () => queue.delete(task);
}

function run(): void {
  const end = performance.now() + STEP;
  for (const task of queue) {
    queue.delete(task);
    task();
    if (performance.now() > end) break;
  }
  isRunning = queue.size > 0;
  if (isRunning) setTimeout(run);
}
