import { useNow } from '../sessions/times.ts';

interface Props {
  /** By `performance.now()`. */
  readonly until: number;
  /** Of whole seconds, 1 at the least. */
  readonly words: (seconds: number) => string;
}

/** How long something still takes. Not read out: it changes every second. */
export function Countdown({ until, words }: Props) {
  useNow(250);
  const seconds = Math.max(1, Math.ceil((until - performance.now()) / 1_000));
  return <span aria-hidden="true">{words(seconds)}</span>;
}
