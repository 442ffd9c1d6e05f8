/**
 * Lists by a key, of which most are empty again soon, and soon after that wanted again: one that is empty stays for a
 * while. A `Map` makes its table anew whenever its last entry is deleted, and the old one, of a map that lives for
 * long, is found by a collection of everything and by no other.
 */
export class KeyedLists<Item> {
  readonly #lists = new Map<string, Item[]>();
  #empty = 0;

  of(key: string): readonly Item[] {
    return this.#lists.get(key) ?? NONE;
  }

  all(): Item[] {
    return [...this.#lists.values()].flat();
  }

  /** Returns the place of the item, behind all others of its key. */
  push(key: string, item: Item): number {
    const list = this.#lists.get(key);
    if (!list) {
      this.#lists.set(key, [item]);
      return 0;
    }
    if (list.length === 0) this.#empty -= 1;
    return list.push(item) - 1;
  }

  /** Puts an item in the place of another one, in a list that `of` has returned. */
  replace(list: readonly Item[], place: number, item: Item): void {
    (list as Item[])[place] = item;
  }

  /** Takes the item at this place out of a list that `of` has returned. */
  remove(list: readonly Item[], place: number): void {
    const own = list as Item[];
    if (place === 0) own.shift();
    else own.splice(place, 1);
    if (own.length > 0) return;
    this.#empty += 1;
    if (this.#empty > MOST_EMPTY) this.#forgetEmpty();
  }

  #forgetEmpty(): void {
    for (const [key, list] of this.#lists) if (list.length === 0) this.#lists.delete(key);
    this.#empty = 0;
  }
}

/** Of each some 200 bytes. */
const MOST_EMPTY = 1_000;

const NONE: readonly never[] = [];
