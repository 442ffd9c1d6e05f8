/** What the other side is told of a fault of the server, over WebSocket and HTTP alike. */
import { ProtocolError } from '@parley/protocol';
import type { Logger } from './log.ts';
import { StoreError } from './stores/store.ts';

/** What it is not told goes to the log, with `fields`: whose request it was. */
export function asProtocolError(
  error: unknown,
  log: Logger,
  fields: Readonly<Record<string, unknown>>,
): ProtocolError {
  if (error instanceof ProtocolError) return error;
  log.error({ err: error, ...fields }, 'a request failed');
  return error instanceof StoreError
    ? new ProtocolError(
        'STORE_UNAVAILABLE',
        'The store cannot do its work now, and nothing has changed. Send it again.',
        { retry_after_ms: 1_000 },
      )
    : new ProtocolError(
        'INTERNAL_ERROR',
        'The server failed on this message. It may be sent again.',
      );
}
