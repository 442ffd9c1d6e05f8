/** What `[label]: address` defines, for the whole answer. */

/** More definitions, or references whose definition is awaited, are not looked at. */
const MAX_LABELS = 10_000;

export class Definitions {
  readonly #targets = new Map<string, string>();

  /** `undefined` where nothing is defined by that name (yet). */
  find(label: string): string | undefined {
    return this.#targets.get(normalise(label));
  }

  /** The first definition of a label counts. Returns the label as it is compared, if it is new. */
  add(label: string, target: string): string | undefined {
    const key = normalise(label);
    if (key === '' || this.#targets.has(key) || this.#targets.size >= MAX_LABELS) return undefined;
    this.#targets.set(key, target);
    return key;
  }
}

/** As labels are compared: without regard to case and to how much white space there is. */
export function normalise(label: string): string {
  return label.trim().replace(/\s+/g, ' ').toLowerCase().toUpperCase();
}
