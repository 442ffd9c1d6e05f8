/** Which language the page speaks: the one chosen, or the first of the browser's that there is. */
import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { useLanguage } from '../app/preferences.ts';
import { en, type Text } from './en.ts';

export type { Text } from './en.ts';

/** English is there from the start; the others are loaded by whoever wants them. */
const LANGUAGES = {
  en: async () => en,
  de: async () => (await import('./de.ts')).de,
} as const satisfies Record<string, () => Promise<Text>>;
type LanguageCode = keyof typeof LANGUAGES;

/** Written from right to left; none of them is translated yet, what people write is. */
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(['ar', 'fa', 'he', 'ur']);

interface Spoken {
  readonly text: Text;
  readonly locale: string;
}
const SpokenContext = createContext<Spoken>({ text: en, locale: 'en' });

/** The words, and the locale for what `Intl` writes. */
export function useText(): Spoken {
  return use(SpokenContext);
}

export function TextProvider({ children }: { readonly children: ReactNode }) {
  const [language] = useLanguage();
  const code = language === 'system' ? fromBrowser() : language;
  const [spoken, setSpoken] = useState<Spoken | undefined>(
    code === 'en' ? { text: en, locale: localeOf('en') } : undefined,
  );
  useEffect(() => {
    let wanted = true;
    const become = (text: Text, of: LanguageCode): void => {
      if (!wanted) return;
      document.documentElement.lang = of;
      document.documentElement.dir = RIGHT_TO_LEFT.has(of) ? 'rtl' : 'ltr';
      setSpoken({ text, locale: localeOf(of) });
    };
    // A language that cannot be loaded now is no reason to show nothing.
    LANGUAGES[code]().then(
      (text) => become(text, code),
      () => become(en, 'en'),
    );
    return () => {
      wanted = false;
    };
  }, [code]);
  if (!spoken) return null;
  return <SpokenContext value={spoken}>{children}</SpokenContext>;
}

/** With the region that the browser names, for how it writes dates and times. */
function localeOf(code: LanguageCode): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === code) ?? code;
}

function fromBrowser(): LanguageCode {
  for (const tag of navigator.languages) {
    const code = tag.split('-')[0] ?? '';
    if (code in LANGUAGES) return code as LanguageCode;
  }
  return 'en';
}
