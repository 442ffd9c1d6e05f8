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

/**
 * Who writes a file in place empties it first, and an empty one of tokens would be one in which there is nobody. What
 * was written less long ago, milliseconds, may be in the midst of it: it is left to the next look.
 */
const AT_REST_MS = 500;

interface Stamp {
  /** Differs once one of them was written, replaced or taken away. */
  readonly text: string;
  /** When one of them was written last, as the file system says it, milliseconds since 1970. */
  readonly writtenAt: number;
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
    const { text } = await stampOf(options.paths);
    return new WatchedFiles(options, text, await options.read());
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
      const { text, writtenAt } = await stampOf(paths);
      if (text === this.#seen) return;
      // A time that is still to come is of another clock.
      if (Math.abs(Date.now() - writtenAt) < AT_REST_MS) return;
      const contents = await read();
      onChange(contents);
      this.#contents = contents;
      this.#seen = text;
    } catch (error) {
      onError(error);
    }
  }
}

async function stampOf(paths: readonly string[]): Promise<Stamp> {
  const stamps = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ mtimeMs, size, ino }) => ({ text: `${mtimeMs} ${size} ${ino}`, writtenAt: mtimeMs }),
        () => ({ text: 'none', writtenAt: Number.NEGATIVE_INFINITY }),
      ),
    ),
  );
  return {
    text: stamps.map(({ text }) => text).join(', '),
    writtenAt: Math.max(...stamps.map(({ writtenAt }) => writtenAt)),
  };
}
