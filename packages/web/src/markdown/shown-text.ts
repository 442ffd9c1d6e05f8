/**
 * Characters that are not seen but change how others are seen: overrides and isolates of direction,
 * tags, invisible operators, the fillers that are blank letters. Joiners and the marks of direction stay,
 * because Persian, Indic scripts and emoji need them, and they cannot turn a word around.
 */
const DECEITFUL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** The text with what deceives the eye taken out, and at most `limit` UTF-16 code units of it. */
export function shownText(text: string, limit = Number.POSITIVE_INFINITY): string {
  const shown = text.replace(DECEITFUL, '');
  return shown.length > limit ? `${shown.slice(0, limit)}…` : shown;
}
