/** What the load takes of its processor, and that this one is awake when it counts. */

/** Calls back with the processor time of this process since then, of all time. */
export function processorShare(): () => number {
  const [spent, began] = [process.cpuUsage(), performance.now()];
  return () => {
    const { user, system } = process.cpuUsage(spent);
    return (user + system) / 1_000 / (performance.now() - began);
  };
}

/**
 * Keeps the processor from sleeping until the returned function is called. Whoever writes to a process whose processor
 * sleeps has to wake it, which on a virtual machine takes as long as ten writes: a server would be the slower the less it
 * leaves its load to do. What the load takes is so what it took before.
 */
export function stayAwake(): () => void {
  let isOver = false;
  const spin = () => {
    if (!isOver) setImmediate(spin);
  };
  spin();
  return () => {
    isOver = true;
  };
}
