/**
 * A random UUID (RFC 9562, version 4). `crypto.randomUUID` would do, but a page that is served over
 * plain HTTP from another machine than one's own does not have it.
 */
export function uuid(): string {
  const random = () => crypto.getRandomValues(new Uint8Array(1))[0] as number;
  return '00000000-0000-4000-8000-000000000000'.replace(/[08]/g, (digit) =>
    (digit === '0' ? random() & 15 : (random() & 3) | 8).toString(16),
  );
}
