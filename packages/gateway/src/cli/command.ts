/** A command of `parley`. `--help` and `--version` are answered before it runs. */
export interface Command {
  /** What `--help` prints. */
  help(): string;
  /** Resolves with the exit status; rejects with what went wrong, which is then told in words. */
  run(args: readonly string[]): Promise<number>;
}
