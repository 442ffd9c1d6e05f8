import { afterAll, beforeAll, expect } from 'vitest';

/** Fails the file where anything in this process is thrown past everyone, the gateway's parts above all. */
export function expectNoUncaught(): void {
  const faults: unknown[] = [];
  const note = (fault: unknown) => void faults.push(fault);
  beforeAll(() => {
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
  });
  afterAll(async () => {
    // Rejections are told of after the turn in which nobody took them.
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(faults).toEqual([]);
  });
}
