/** Figures as people read them: few digits, and always the unit. */

/** A short text for a figure; the axis and the head of a chart use the same. */
export type Format = (value: number, locale: string) => string;

/** In the middle of an axis it need not be a whole number. */
export const count: Format = (value, locale) => digits(value, locale, value < 10 ? 1 : 0);

/** So many a second. */
export const rate: Format = (value, locale) => {
  const fraction = value < 1 ? 2 : value < 10 ? 1 : 0;
  return `${digits(value, locale, fraction)}/s`;
};

/** Of seconds. */
export const duration: Format = (seconds, locale) => {
  const ms = seconds * 1_000;
  if (ms < 1_000) return `${digits(ms, locale, ms < 10 ? 1 : 0)} ms`;
  if (seconds < 120) return `${digits(seconds, locale, seconds < 10 ? 1 : 0)} s`;
  return `${digits(seconds / 60, locale, 0)} min`;
};

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB'];

/** In powers of a thousand. */
export const bytes: Format = (value, locale) => {
  let [amount, unit] = [value, 0];
  while (amount >= 1_000 && unit < BYTES.length - 1) {
    amount /= 1_000;
    unit += 1;
  }
  return `${digits(amount, locale, unit > 0 && amount < 10 ? 1 : 0)} ${BYTES[unit]}`;
};

export const byteRate: Format = (value, locale) => `${bytes(value, locale)}/s`;

export const share: Format = (value, locale) =>
  new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(value);

/** The next round number above, of which the half is round as well: where an axis ends. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 6, 8, 10].find((one) => value <= one * power * (1 + 1e-9)) ?? 10;
  return step * power;
}

/** How long it is from one time to another, in the two largest units: `3 d 4 h`. Milliseconds. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const [d, h, min, s] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${min} min`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
}

/** The first letters of a long id, enough to tell a few apart. */
export function shortId(id: string): string {
  return id.length > 12 ? id.slice(0, 8) : id;
}

function digits(value: number, locale: string, fraction: number): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: fraction }).format(value);
}
