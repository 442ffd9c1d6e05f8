/** What a person chose for this browser. */
import { useSyncExternalStore } from 'react';
import { keep, onKeptChange, readKept } from './kept.ts';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
export const LANGUAGE_CHOICES = ['system', 'en', 'de'] as const;
type LanguageChoice = (typeof LANGUAGE_CHOICES)[number];

/** One of `values`, kept under `key`; the first of them where nothing, or nonsense, is kept. */
function preference<Value extends string>(key: string, values: readonly [Value, ...Value[]]) {
  const read = (): Value => {
    const kept = readKept<unknown>(key);
    return values.find((value) => value === kept) ?? values[0];
  };
  const subscribe = (listener: () => void) => onKeptChange(key, listener);
  const write = (value: Value) => keep(key, value);
  return { read, subscribe, write };
}

const theme = preference('theme', THEMES);
const language = preference('language', LANGUAGE_CHOICES);

export function useTheme(): [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(theme.subscribe, theme.read), theme.write];
}

export function useLanguage(): [LanguageChoice, (language: LanguageChoice) => void] {
  return [useSyncExternalStore(language.subscribe, language.read), language.write];
}

/** Puts the theme onto the page, now and whenever it is chosen anew, in this tab or another. */
export function followTheme(): void {
  const apply = (): void => {
    const chosen = theme.read();
    if (chosen === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
  };
  theme.subscribe(apply);
  apply();
}

const sidebar = preference('sidebar', ['shown', 'hidden']);

/** Whether the list of chats stands beside the conversation, where there is room. */
export function useSidebarShown(): [boolean, (shown: boolean) => void] {
  const shown = useSyncExternalStore(sidebar.subscribe, sidebar.read) === 'shown';
  return [shown, (show) => sidebar.write(show ? 'shown' : 'hidden')];
}
