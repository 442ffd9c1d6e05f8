/**
 * What the page keeps in the browser: small values under one prefix, in step between tabs. Where
 * the browser refuses (a private window, a full disk, a policy) they last as long as the page.
 */
const PREFIX = 'parley.';

const inMemory = new Map<string, string>();
const inTab = new Map<string, string>();
const listeners = new Map<string, Set<() => void>>();

/** The value, or `undefined` where there is none or it cannot be read. */
export function readKept<Value>(key: string): Value | undefined {
  const text = inMemory.get(key) ?? readText(key);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}

/** `undefined` takes it away. */
export function keep(key: string, value: unknown): void {
  const text = value === undefined ? undefined : JSON.stringify(value);
  try {
    if (text === undefined) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, text);
    inMemory.delete(key);
  } catch {
    if (text === undefined) inMemory.delete(key);
    else inMemory.set(key, text);
  }
  notify(key);
}

/** What only this tab has, over a reload as well. */
export function readKeptInTab(key: string): string | undefined {
  try {
    return inTab.get(key) ?? sessionStorage.getItem(PREFIX + key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** `undefined` takes it away. */
export function keepInTab(key: string, text: string | undefined): void {
  try {
    if (text === undefined) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, text);
    inTab.delete(key);
  } catch {
    if (text === undefined) inTab.delete(key);
    else inTab.set(key, text);
  }
}

/** The keys of what only this tab has. */
export function keysKeptInTab(): string[] {
  try {
    const kept = Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
    return [...inTab.keys(), ...kept.map((key) => key.slice(PREFIX.length))];
  } catch {
    return [...inTab.keys()];
  }
}

/** What is of the browser and not of the person. */
const OF_THE_BROWSER: readonly string[] = ['theme', 'language', 'sidebar'];

/** Takes away what a person has left. */
export function forgetKept(): void {
  inMemory.clear();
  forgetKeptInTab();
  try {
    for (const key of Object.keys(localStorage)) {
      const isTheirs = key.startsWith(PREFIX) && !OF_THE_BROWSER.includes(key.slice(PREFIX.length));
      if (isTheirs) localStorage.removeItem(key);
    }
  } catch {
    // The browser keeps nothing, so there is nothing to take away.
  }
}

/** Takes away what only this tab has. */
export function forgetKeptInTab(): void {
  inTab.clear();
  try {
    sessionStorage.clear();
  } catch {
    // As above.
  }
}

/** Calls `listener` when the value changes, here or in another tab. */
export function onKeptChange(key: string, listener: () => void): () => void {
  const set = listeners.get(key) ?? new Set();
  listeners.set(key, set.add(listener));
  return () => set.delete(listener);
}

function readText(key: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + key) ?? undefined;
  } catch {
    return undefined;
  }
}

function notify(key: string): void {
  for (const listener of listeners.get(key) ?? []) listener();
}

addEventListener('storage', ({ key }) => {
  if (key?.startsWith(PREFIX)) notify(key.slice(PREFIX.length));
});
