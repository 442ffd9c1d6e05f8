/** The words of the monitor, in the language that the page speaks. */
import { useText } from '../text/text.tsx';
import { Refusal } from './api.ts';
import { de } from './words-de.ts';
import { en, type Words } from './words-en.ts';

interface Spoken {
  readonly words: Words;
  readonly locale: string;
  /** What went wrong, as far as is known. */
  readonly reasonOf: (error: unknown) => string;
}

export function useWords(): Spoken {
  const { text, locale } = useText();
  const words = locale.startsWith('de') ? de : en;
  return {
    words,
    locale,
    reasonOf(error) {
      const code = error instanceof Refusal ? error.code : 'UNREACHABLE';
      if (Object.hasOwn(text.errors, code)) return text.errors[code as keyof typeof text.errors];
      return (error as Error).message;
    },
  };
}
