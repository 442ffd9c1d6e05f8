import { type Block, plainText } from './nodes.ts';

/**
 * Which way a text is written, by its first letter that has a way: what `dir="auto"` means. In a
 * field of thousands of lines browsers need seconds for finding that out after every key.
 */
const LETTER = /\p{L}/u;
const RIGHT_TO_LEFT =
  /\p{Script=Hebrew}|\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Thaana}|\p{Script=Nko}|\p{Script=Samaritan}|\p{Script=Mandaic}|\p{Script=Adlam}/u;

/** `undefined`: no letter yet, so as the page is. */
export function directionOf(text: string): 'ltr' | 'rtl' | undefined {
  const letter = LETTER.exec(text)?.[0];
  if (letter === undefined) return undefined;
  return RIGHT_TO_LEFT.test(letter) ? 'rtl' : 'ltr';
}

/**
 * Which way a list or a quotation is written, so that its marks stand where its text begins: browsers
 * do not look into what has a `dir` of its own, as the blocks in it have.
 */
export function directionOfBlocks(blocks: readonly Block[]): 'ltr' | 'rtl' | undefined {
  for (const block of blocks) {
    const direction = directionOfBlock(block);
    if (direction) return direction;
  }
  return undefined;
}

function directionOfBlock(block: Block): 'ltr' | 'rtl' | undefined {
  switch (block.type) {
    case 'paragraph':
    case 'heading':
      return directionOf(plainText(block.children));
    case 'quote':
      return directionOfBlocks(block.children);
    case 'list':
      return directionOfList(block);
    default:
      return undefined;
  }
}

export function directionOfList({
  items,
}: Extract<Block, { type: 'list' }>): 'ltr' | 'rtl' | undefined {
  for (const { children } of items) {
    const direction = directionOfBlocks(children);
    if (direction) return direction;
  }
  return undefined;
}
