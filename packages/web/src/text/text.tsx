/** Which language the page speaks: the one chosen, or the first of the browser's that there is. */
import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { useLanguage } from '../app/preferences.ts';
import { en, type Text } from './en.ts';

export type { Text } from './en.ts';

interface Language {
  readonly locale: string;
  readonly load: () => Promise<Text>;
}

/** English is there from the start; the others are loaded by whoever wants them. */
const LANGUAGES = {
  en: { locale: 'en', load: async () => en },
  de: { locale: 'de', load: async () => (await import('./de.ts')).de },
} as const satisfies Record<string, Language>;
type LanguageCode = keyof typeof LANGUAGES;

/** Written from right to left; none of them is translated yet, what people write is. */
const RIGHT_TO_LEFT = new Set(['ar', 'fa', 'he', 'ur']);

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
    code === 'en' ? { text: en, locale: 'en' } : undefined,
  );
  useEffect(() => {
    let wanted = true;
    const { locale, load } = LANGUAGES[code];
    const become = (text: Text, of: string): void => {
      if (!wanted) return;
      document.documentElement.lang = of;
      document.documentElement.dir = RIGHT_TO_LEFT.has(of) ? 'rtl' : 'ltr';
      setSpoken({ text, locale: of });
    };
    // A language that cannot be loaded now is no reason to show nothing.
    load().then(
      (text) => become(text, locale),
      () => become(en, 'en'),
    );
    return () => {
      wanted = false;
    };
  }, [code]);
  if (!spoken) return null;
  return <SpokenContext value={spoken}>{children}</SpokenContext>;
}

function fromBrowser(): LanguageCode {
  for (const tag of navigator.languages) {
    const code = tag.split('-')[0] ?? '';
    if (code in LANGUAGES) return code as LanguageCode;
  }
  return 'en';
}
