/**
 * What a traced process did to the files of a directory, and what of it a disk would still have if the
 * power had failed at some moment: what was synced for certain, and of the rest nothing, some or parts.
 *
 * Strict, as POSIX allows a file system to be: a name (created or removed) is on disk once its
 * directory is synced, and the bytes of a file once the file is.
 */
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Random } from '../helpers/seeded.ts';

/** What becomes of changes that were not synced. */
export type Fate = 'lost' | 'kept in part' | 'torn';

interface Span {
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly path: string;
}
type Write = Span & { readonly kind: 'write'; readonly at: number; readonly bytes: Buffer };
type Truncate = Span & { readonly kind: 'truncate'; readonly length: number };
type Name = Span & { readonly kind: 'name'; readonly exists: boolean };
type Sync = Span & { readonly kind: 'sync' };
type Change = Write | Truncate | Name | Sync;

const LINE = /^(\d+) +(\d+\.\d+) (.*)$/;
const CALL = /^(\w+)\((.*)\) += (-?\d+|\?)(?:<([^>]*)>)?.*?(?:<(\d+\.\d+)>)?$/;
const SECTOR = 512;

export class DiskTrace {
  /** In the order in which they were done. */
  readonly #changes: readonly Change[];

  private constructor(changes: readonly Change[]) {
    this.#changes = changes;
  }

  /** Reads what `traced` of `strace.ts` wrote, as far as it is about `directory`. */
  static async read(output: string, directory: string): Promise<DiskTrace> {
    const changes: Change[] = [];
    const unfinished = new Map<string, { from: number; text: string }>();
    for await (const line of createInterface({ input: createReadStream(output, 'latin1') })) {
      const [, pid = '', time = '', rest = ''] = LINE.exec(line) ?? [];
      const resumed = /^<\.\.\. \w+ resumed>/.exec(rest)?.[0];
      const begun = resumed === undefined ? undefined : unfinished.get(pid);
      const text = (begun?.text ?? '') + rest.slice(resumed?.length ?? 0);
      if (text.endsWith(' <unfinished ...>')) {
        const from = Number(time);
        unfinished.set(pid, { from, text: text.slice(0, -' <unfinished ...>'.length) });
        continue;
      }
      const [, call = '', args = '', result = '', opened = '', lasted = '0'] =
        CALL.exec(text) ?? [];
      const from = begun?.from ?? Number(time);
      if (begun) unfinished.delete(pid);
      if (result === '?') unfinished.set(pid, { from, text: `${call}(${args}` });
      if (result === '' || result === '?' || Number(result) < 0) continue;
      const to = begun ? Number(time) : from + Number(lasted);
      changes.push(...parse(call, args, opened, { from, to }));
    }
    // What the kill fell into: it may have been done, or not.
    for (const { from, text } of unfinished.values()) {
      const [, call = '', args = ''] = /^(\w+)\((.*)$/.exec(text) ?? [];
      changes.push(...parse(call, args, '', { from, to: Number.POSITIVE_INFINITY }));
    }
    const inside = changes.filter(({ path }) => `${path}/`.startsWith(`${directory}/`));
    return new DiskTrace(inside.sort((a, b) => a.to - b.to));
  }

  /** How often a file was synced. */
  get syncs(): number {
    return this.#changes.filter(({ kind }) => kind === 'sync').length;
  }

  /** When something was changed or synced: the moments between which it matters where one is. */
  get times(): number[] {
    return this.#changes.map(({ to }) => to).filter(Number.isFinite);
  }

  /**
   * Every file as the process left it, to be held against those that are really there; with what the
   * kill fell into, or without.
   */
  files(inDoubt: boolean): Map<string, Buffer> {
    const changes = inDoubt ? this.#changes : this.#changes.filter(({ to }) => Number.isFinite(to));
    return new Powered(changes, Number.MAX_VALUE).files(() => true);
  }

  /** Every file as it is found after a power failure at `time`. */
  cut(time: number, fate: Fate, random: Random): Map<string, Buffer> {
    const keeps = () => fate !== 'lost' && random() < 0.5;
    return new Powered(this.#changes, time).files(keeps, fate === 'torn');
  }
}

/** The disk at a moment: what it has for certain, and what it may have. */
class Powered {
  readonly #bytes = new Map<string, Bytes>();
  readonly #names = new Set<string>();
  readonly #unsyncedBytes = new Map<string, (Write | Truncate)[]>();
  readonly #unsyncedNames = new Map<string, Name[]>();

  constructor(changes: readonly Change[], time: number) {
    for (const change of changes) {
      if (change.from > time) continue;
      if (change.kind !== 'sync') this.#note(change);
      // One that has not returned promises nothing yet.
      else if (change.to <= time) this.#sync(change);
    }
  }

  #note(change: Write | Truncate | Name): void {
    if (change.kind === 'name') append(this.#unsyncedNames, dirname(change.path), change);
    else append(this.#unsyncedBytes, change.path, change);
  }

  #sync({ path, from }: Sync): void {
    const [done, names] = split(this.#unsyncedNames.get(path) ?? [], from);
    this.#unsyncedNames.set(path, names);
    for (const { path: name, exists } of done) {
      if (exists) this.#names.add(name);
      else this.#names.delete(name);
    }
    const [written, later] = split(this.#unsyncedBytes.get(path) ?? [], from);
    this.#unsyncedBytes.set(path, later);
    const bytes = this.#bytes.get(path) ?? new Bytes();
    for (const change of written) bytes.apply(change);
    this.#bytes.set(path, bytes);
  }

  /** `keeps` is asked for each change that was not synced; torn, for each sector of it. */
  files(keeps: () => boolean, torn = false): Map<string, Buffer> {
    const names = new Set(this.#names);
    for (const { path, exists } of [...this.#unsyncedNames.values()].flat()) {
      if (!keeps()) continue;
      if (exists) names.add(path);
      else names.delete(path);
    }
    const files = new Map<string, Buffer>();
    for (const path of new Set([...this.#bytes.keys(), ...this.#unsyncedBytes.keys()])) {
      // A file whose name, or whose directory's name, is not on disk cannot be found.
      if (!names.has(path) || !names.has(dirname(path))) continue;
      const bytes = new Bytes(this.#bytes.get(path)?.content);
      for (const change of this.#unsyncedBytes.get(path) ?? []) {
        const parts = torn && change.kind === 'write' ? sectors(change) : [change];
        for (const part of parts) if (keeps()) bytes.apply(part);
      }
      files.set(path, bytes.content);
    }
    return files;
  }
}

/** What a system call changed, if anything. */
function parse(
  call: string,
  args: string,
  opened: string,
  span: { from: number; to: number },
): Change[] {
  const [, descriptor = ''] = /^\d+<([^>]*)>/.exec(args) ?? [];
  const [, text = ''] = /"([^"]*)"/.exec(args) ?? [];
  const number = Number(/, (\d+)$/.exec(args)?.[1]);
  const path = fromHex(descriptor).toString();
  switch (call) {
    case 'pwrite64':
      return [{ ...span, kind: 'write', path, at: number, bytes: fromHex(text) }];
    case 'ftruncate':
      return [{ ...span, kind: 'truncate', path, length: number }];
    case 'fsync':
    case 'fdatasync':
      return [{ ...span, kind: 'sync', path }];
    case 'openat':
      if (!args.includes('O_CREAT')) return [];
      return [{ ...span, kind: 'name', path: fromHex(opened).toString(), exists: true }];
    case 'mkdir':
      return [{ ...span, kind: 'name', path: fromHex(text).toString(), exists: true }];
    case 'unlink':
      return [{ ...span, kind: 'name', path: fromHex(text).toString(), exists: false }];
    default:
      throw new Error(
        `The trace has a call that this does not know: ${call}(${args.slice(0, 200)})`,
      );
  }
}

function fromHex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}

function append<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** Those that were over when the sync began, and the others. */
function split<Over extends Span>(changes: readonly Over[], began: number): [Over[], Over[]] {
  return [changes.filter(({ to }) => to <= began), changes.filter(({ to }) => to > began)];
}

/** The content of a file, with room to grow. */
class Bytes {
  #buffer: Buffer;
  #length: number;

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.#buffer = Buffer.from(content);
    this.#length = content.length;
  }

  get content(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  apply(change: Write | Truncate): void {
    if (change.kind === 'truncate') {
      this.#resize(change.length);
      return;
    }
    this.#resize(Math.max(this.#length, change.at + change.bytes.length));
    change.bytes.copy(this.#buffer, change.at);
  }

  #resize(length: number): void {
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(2 * length);
      this.content.copy(larger);
      this.#buffer = larger;
    }
    // What was cut off reads as zeros when the file grows again.
    if (length < this.#length) this.#buffer.fill(0, length, this.#length);
    this.#length = length;
  }
}

function sectors(write: Write): Write[] {
  const pieces: Write[] = [];
  for (let from = 0; from < write.bytes.length; ) {
    const to = from + SECTOR - ((write.at + from) % SECTOR);
    pieces.push({ ...write, at: write.at + from, bytes: write.bytes.subarray(from, to) });
    from = to;
  }
  return pieces;
}
