/** Preloaded into a node: its memory is asked for when what nobody holds any more is gone. */
process.on('message', () => {
  globalThis.gc?.();
  process.send?.(process.memoryUsage());
});
// The channel alone keeps nothing alive.
process.channel?.unref();
