/** Runs a program where every system call that reaches for the disk is seen, or slowed down. */
import { spawnSync } from 'node:child_process';

const STRACE = 'strace';
/** What SQLite changes files with. That nothing else does is checked: see `DiskTrace.files`. */
const CALLS = 'openat,pwrite64,fsync,fdatasync,ftruncate,unlink,rename,mkdir';
const SYNCS = 'fsync,fdatasync';

/** @throws {Error} saying why it cannot be used here, so that no test passes for want of it. */
export function requireStrace(): void {
  const tried = spawnSync(STRACE, [...OPTIONS, '-e', 'trace=fsync', '-o', '/dev/null', 'true'], {
    encoding: 'utf8',
  });
  if (tried.status === 0) return;
  const reason = tried.error?.message ?? tried.stderr.trim();
  throw new Error(
    `This test needs strace (node tests/setup.ts installs it) and the right to trace its own ` +
      `children (in a container: --cap-add SYS_PTRACE). It does not run here: ${reason}`,
  );
}

/** Follows threads and children; other system calls run at full speed. */
const OPTIONS = ['-f', '-qq', '--seccomp-bpf'];

/** Writes every change of a file to `output`, with its bytes, its time and its length. */
export function traced(output: string): string[] {
  const format = ['-y', '-ttt', '-T', '-xx', '-s', '70000'];
  return [STRACE, ...OPTIONS, ...format, '-e', `trace=${CALLS}`, '-o', output];
}

/** Every fsync takes so many milliseconds longer. */
export function slowed(milliseconds: number): string[] {
  const inject = `inject=${SYNCS}:delay_exit=${milliseconds * 1_000}`;
  return [STRACE, ...OPTIONS, '-e', `trace=${SYNCS}`, '-e', inject, '-o', '/dev/null'];
}
