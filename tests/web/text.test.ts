/** What the page says, in each of its languages. */
import { ERROR_CODES } from '@parley/protocol/codes';
import { describe, expect, test } from 'vitest';
import { de } from '../../packages/web/src/text/de.ts';
import { en } from '../../packages/web/src/text/en.ts';
import { errorInWords } from '../../packages/web/src/text/errors.ts';

describe.each([
  ['English', en],
  ['German', de],
])('[R12] in %s', (_language, text) => {
  test.each(Object.keys(ERROR_CODES))('%s says what happened, and what to do', (code) => {
    expect(errorInWords({ code, message: 'of the server' }, text)).toMatch(/^\p{Lu}.+\. .+\.$/u);
  });

  test('a code that the page does not know is told in the words of the server', () => {
    for (const code of ['NEW_CODE', 'constructor', '']) {
      expect(errorInWords({ code, message: 'of the server' }, text)).toBe('of the server');
    }
  });
});
