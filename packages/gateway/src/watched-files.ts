/** Files that somebody may change while the server runs: read at once, and again when they change. */
import { stat } from 'node:fs/promises';

export interface WatchOptions<Contents> {
  readonly paths: readonly string[];
  /** How often they are looked at, milliseconds. */
  readonly lookMs: number;
  readonly read: () => Promise<Contents>;
  /** They have changed, and were read. */
  readonly onChange: (contents: Contents) => void;
  /** They could not be read, or not be used: what was read last stays in force. Told at every look. */
  readonly onError: (error: unknown) => void;
}

export class WatchedFiles<Contents> {
  readonly #options: WatchOptions<Contents>;
  readonly #timer: NodeJS.Timeout;
  #contents: Contents;
  #seen: string;

  private constructor(options: WatchOptions<Contents>, seen: string, contents: Contents) {
    this.#options = options;
    this.#seen = seen;
    this.#contents = contents;
    this.#timer = setInterval(() => void this.#look(), options.lookMs).unref();
  }

  /** Throws what the first `read` throws. */
  static async open<Contents>(options: WatchOptions<Contents>): Promise<WatchedFiles<Contents>> {
    // Before they are read: a change in between is seen at the next look.
    const seen = await stampOf(options.paths);
    return new WatchedFiles(options, seen, await options.read());
  }

  /** As they were read last. */
  get contents(): Contents {
    return this.#contents;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { paths, read, onChange, onError } = this.#options;
    try {
      const seen = await stampOf(paths);
      if (seen === this.#seen) return;
      const contents = await read();
      onChange(contents);
      this.#contents = contents;
      this.#seen = seen;
    } catch (error) {
      onError(error);
    }
  }
}

/** What differs once one of them was written, replaced or taken away. */
async function stampOf(paths: readonly string[]): Promise<string> {
  const stamps = paths.map((path) =>
    stat(path).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
      () => 'none',
    ),
  );
  return (await Promise.all(stamps)).join(', ');
}
