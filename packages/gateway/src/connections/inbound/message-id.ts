/** The id of a message that is not worth being parsed, because it is refused for its size or for what came before it. */

/** Characters of an id, as in the protocol; of a string in JSON, each may be an escape of six. */
const MAX_ID = 128;
const MAX_ID_TEXT = 6 * MAX_ID + 2;

/**
 * Of the message itself, never of what is in it, wherever it stands; of several the last one, as `JSON.parse` has it.
 * Looks at each character once and parses one string at most: who is refused must not cost more than who is not.
 */
export function messageIdIn(text: string): string | undefined {
  let depth = 0;
  /** Whether the next string is a value; where it is one, whether of the id. */
  let isValue = false;
  let isId = false;
  /** Where the value of the last id stands, in its quotes. */
  let found: readonly [start: number, end: number] | undefined;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '{':
      case '[':
        depth += 1;
        break;
      case '}':
      case ']':
        depth -= 1;
        break;
      case ':':
        isValue = true;
        break;
      case ',':
        isValue = false;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (end === undefined) return found && idFrom(text, ...found);
        if (depth === 1 && !isValue) {
          isId = text.startsWith('"message_id"', at);
          if (isId) found = undefined;
        } else if (depth === 1 && isId) {
          found = [at, end + 1];
          isId = false;
        }
        at = end;
        break;
      }
    }
  }
  return found && idFrom(text, ...found);
}

/** Where the string that begins at `start` has its closing quote. */
function endOfString(text: string, start: number): number | undefined {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === '\\') escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return undefined;
}

function idFrom(text: string, start: number, end: number): string | undefined {
  if (end - start > MAX_ID_TEXT) return undefined;
  try {
    const id: string = JSON.parse(text.slice(start, end));
    return id !== '' && id.length <= MAX_ID ? id.toWellFormed() : undefined;
  } catch {
    return undefined;
  }
}
