/** The `auth` message: who is asking, said by the first one of a connection, and renewed by later ones. */
import { type CloseCode, createMessage, ERROR_CODES, ProtocolError } from '@parley/protocol';
import type { Identity } from '../../auth/authenticator.ts';
import type { Connection } from '../connection.ts';

/** @throws {ProtocolError} `UNAUTHORIZED`; who is known already stays who they are for as long as they were to. */
export async function authenticate(
  connection: Connection,
  token: string,
  replyTo: string | undefined,
): Promise<void> {
  let identity: Identity;
  try {
    identity = await connection.identify(token);
  } catch (error) {
    if (connection.isKnown) throw error;
    connection.refuse(error, replyTo);
    connection.close(closeCodeOf(error));
    return;
  }
  connection.become(identity);
  const data = { status: 'accepted' as const };
  connection.tell(createMessage('message_ack', data, replyTo ? { reply_to: replyTo } : {}));
}

/** How a connection ends of which it could not be told whose it is. */
function closeCodeOf(error: unknown): CloseCode {
  if (!(error instanceof ProtocolError)) return 1011;
  const { retryable, status } = ERROR_CODES[error.code];
  if (!retryable) return 4401;
  return status === 429 || error.code === 'CONNECTION_LIMIT' ? 4429 : 1011;
}
