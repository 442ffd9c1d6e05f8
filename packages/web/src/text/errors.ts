import type { Problem } from '@parley/client';
import type { Text } from './en.ts';

/** What happened and what to do, in the page's language; what it does not know, as the server said it. */
export function errorInWords({ code, message }: Problem, { errors }: Text): string {
  return Object.hasOwn(errors, code) ? errors[code as keyof typeof errors] : message;
}
