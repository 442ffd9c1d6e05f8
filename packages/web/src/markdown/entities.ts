/** What `&amp;`, `&#42;` and a backslash stand for. */
import { decodeNamedCharacterReference } from 'decode-named-character-reference';

const ENTITY = /&(?:#[xX][\da-fA-F]{1,6}|#\d{1,7}|[a-zA-Z][\da-zA-Z]{1,31});/g;
const ESCAPE_OR_ENTITY = new RegExp(`\\\\([!-/:-@[-\`{-~])|${ENTITY.source}`, 'g');

/** The character for `&…;`, or the reference itself where there is none. */
export function decodeEntity(reference: string): string {
  const name = reference.slice(1, -1);
  if (!name.startsWith('#')) return decodeNamedCharacterReference(name) || reference;
  const isHex = /^#x/i.test(name);
  const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10);
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : '\ufffd';
}

/** An address, title or language as it is meant. */
export function unescaped(text: string): string {
  return text.replace(ESCAPE_OR_ENTITY, (match, escaped: string | undefined) =>
    escaped === undefined ? decodeEntity(match) : escaped,
  );
}
