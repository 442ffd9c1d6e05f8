import { fullTime } from '../sessions/times.ts';
import { useText } from '../text/text.tsx';

/** The time of day; the day with it on request. */
export function Timestamp({ at }: { readonly at: number | undefined }) {
  const { locale } = useText();
  if (at === undefined) return null;
  return (
    <time
      dateTime={new Date(at).toISOString()}
      title={fullTime(at, locale)}
      className="px-1.5 text-xs text-muted tabular-nums"
    >
      {new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }).format(at)}
    </time>
  );
}
