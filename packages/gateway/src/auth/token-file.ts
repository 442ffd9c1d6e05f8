/** Tokens that somebody has handed out: a file of their hashes, read again when it changes. */
import { hash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config.ts';
import type { Logger } from '../log.ts';
import { WatchedFiles } from '../watched-files.ts';
import type { Identity } from './authenticator.ts';

interface Entry {
  readonly name: string;
  readonly expiresAt: number | undefined;
}

interface Contents {
  /** By the hash of the token. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Whose tokens are nothing any more, wherever they come from. */
  readonly revoked: ReadonlySet<string>;
}

/** How often the file is looked at, milliseconds: what is taken out of it is refused that soon. */
const LOOK_MS = 2_000;
const LINE = /^(?:sha256:([0-9a-f]{64})|revoked) +([\x21-\x7e]{1,128})(?: +until=(\S+))?$/;

/** A new token, and the line of the file that makes it known. */
export function newToken(name: string): { readonly token: string; readonly line: string } {
  const token = `parley_${randomBytes(32).toString('base64url')}`;
  return { token, line: `sha256:${hash('sha256', token)} ${name}` };
}

export class TokenFile {
  readonly #file: WatchedFiles<Contents>;

  private constructor(file: WatchedFiles<Contents>) {
    this.#file = file;
  }

  /**
   * Reads the file, and reads it again when it changes. One that is wrong then is said in the log, and
   * what was read last stays in force.
   *
   * @throws {ConfigError} where it cannot be read, or naming each line that is wrong.
   */
  static async open(path: string, log: Logger): Promise<TokenFile> {
    const file = await WatchedFiles.open({
      paths: [path],
      lookMs: LOOK_MS,
      read: () => read(path),
      onChange: ({ entries }) =>
        log.info({ tokens: entries.size }, 'the file of tokens was read again'),
      onError: (error) =>
        log.error({ err: error }, 'the file of tokens cannot be read; the last one is in force'),
    });
    return new TokenFile(file);
  }

  verify(token: string): Identity | undefined {
    const digest = hash('sha256', token);
    // Found by its hash: how long that takes says nothing of a token that is nearly right.
    const entry = this.#file.contents.entries.get(digest);
    if (!entry) return undefined;
    const { name, expiresAt } = entry;
    return {
      principal: { id: name },
      ...(expiresAt === undefined ? {} : { expiresAt }),
      digest,
      isRevoked: () => this.isRevoked(name, digest),
    };
  }

  /** Whether the person was revoked, or the token of this hash is no longer theirs, or no longer good. */
  isRevoked(name: string, digest?: string): boolean {
    const { entries, revoked } = this.#file.contents;
    if (revoked.has(name)) return true;
    if (digest === undefined) return false;
    const entry = entries.get(digest);
    // Its end may have been written into the file since it was shown.
    return entry?.name !== name || (entry.expiresAt ?? Number.POSITIVE_INFINITY) <= Date.now();
  }

  close(): void {
    this.#file.close();
  }
}

async function read(path: string): Promise<Contents> {
  const text = await readFile(path, 'utf8').catch(({ code, message }: NodeJS.ErrnoException) => {
    throw new ConfigError([`tokensFile: ${path} cannot be read (${code ?? message}).`]);
  });
  return parse(path, text);
}

/** @throws {ConfigError} */
function parse(path: string, text: string): Contents {
  const entries = new Map<string, Entry>();
  const revoked = new Set<string>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, digest, name, until] = LINE.exec(line.trim()) ?? [];
    const expiresAt = until === undefined ? undefined : Date.parse(until);
    if (name === undefined || Number.isNaN(expiresAt)) {
      problems.push(
        `tokensFile: ${path}, line ${index + 1}: expected "sha256:<hash> <name>", as parley token prints it, perhaps with until=<date>, or "revoked <name>".`,
      );
    } else if (digest === undefined) revoked.add(name);
    else entries.set(digest, { name, expiresAt });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { entries, revoked };
}
