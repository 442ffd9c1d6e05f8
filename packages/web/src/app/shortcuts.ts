/** What the keyboard does anywhere on the page, and how the keys are called. */
import { useEffect, useRef } from 'react';

const IS_APPLE = /mac|iphone|ipad/i.test(navigator.userAgent);

/** The key with the platform's modifier, as it stands in tooltips. */
export function modified(key: string): string {
  return IS_APPLE ? `⌘${key}` : `Ctrl ${key}`;
}

export type ShortcutName =
  | 'help'
  | 'newChat'
  | 'search'
  | 'composer'
  | 'previous'
  | 'next'
  | 'sidebar';

interface Shortcut {
  readonly name: ShortcutName;
  /** As the sheet shows them. */
  readonly keys: readonly string[];
  matches(event: KeyboardEvent): boolean;
}

const MODIFIER = IS_APPLE ? '⌘' : 'Ctrl';
const withModifier = (event: KeyboardEvent) => (IS_APPLE ? event.metaKey : event.ctrlKey);
const alone = (event: KeyboardEvent) => !event.metaKey && !event.ctrlKey && !event.altKey;

export const SHORTCUTS: readonly Shortcut[] = [
  {
    name: 'newChat',
    keys: [MODIFIER, 'Shift', 'O'],
    matches: (event) =>
      withModifier(event) && event.shiftKey && !event.altKey && event.key.toLowerCase() === 'o',
  },
  {
    name: 'search',
    keys: [MODIFIER, 'K'],
    matches: (event) =>
      withModifier(event) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'k',
  },
  {
    name: 'previous',
    keys: ['Alt', '↑'],
    matches: (event) => event.altKey && !withModifier(event) && event.key === 'ArrowUp',
  },
  {
    name: 'next',
    keys: ['Alt', '↓'],
    matches: (event) => event.altKey && !withModifier(event) && event.key === 'ArrowDown',
  },
  {
    name: 'sidebar',
    keys: [MODIFIER, '\\'],
    matches: (event) => withModifier(event) && event.key === '\\',
  },
  {
    name: 'composer',
    keys: ['/'],
    matches: (event) => alone(event) && event.key === '/' && !isWriting(event.target),
  },
  {
    name: 'help',
    keys: ['?'],
    matches: (event) => alone(event) && event.key === '?' && !isWriting(event.target),
  },
];

/** Calls what belongs to a shortcut; not while a dialog or a menu has the keyboard. */
export function useShortcuts(actions: Readonly<Record<ShortcutName, () => void>>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.isComposing || event.repeat) return;
      if (document.querySelector('[role="dialog"], [role="menu"]')) return;
      const shortcut = SHORTCUTS.find((one) => one.matches(event));
      if (!shortcut) return;
      event.preventDefault();
      latest.current[shortcut.name]();
    }
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
}

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(?:input|textarea|select)$/i.test(target.tagName))
  );
}
