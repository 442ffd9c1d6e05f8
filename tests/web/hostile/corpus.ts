/** Markdown that wants to do harm. Each payload says what it tries; none of it may happen. */

import { addresses, images, references } from './addresses.ts';
import { diagrams, formulas } from './embedded.ts';
import { deceptions, interplay } from './interplay.ts';
import { attributes, markup } from './markup.ts';
import type { Payload, Place } from './payload.ts';

export type { Payload } from './payload.ts';

/** All of them, for a canary that hears whoever loads something from it. */
export function corpus(place: Place): Payload[] {
  return [
    markup,
    attributes,
    addresses,
    images,
    references,
    formulas,
    diagrams,
    deceptions,
    interplay,
  ]
    .flatMap((family) => family(place))
    .map(({ name, text }, index) => ({ name: `${index + 1} ${name}`, text }));
}
