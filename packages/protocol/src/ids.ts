/** What an id may be, for the schemas and for what checks without them. */

/** UTF-16 code units. */
export const MAX_ID_LENGTH = 128;

/** Printable characters of ASCII without spaces; and a part of a URL, which `.` and `..` are not. */
export const ID = /^(?!\.{1,2}$)[\x21-\x7e]+$/;

export function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_ID_LENGTH && ID.test(value);
}
