/** Reading what came with a request, no more of it than is allowed. */
import { ProtocolError } from '@parley/protocol';
import type { HttpContext } from './deps.ts';
import { HttpRefusal } from './errors.ts';

/**
 * The JSON value of the body; `undefined` where there is no body.
 *
 * @param limit bytes; counted as they come in, since a chunked body does not say how many follow.
 * @throws {ProtocolError} `MESSAGE_TOO_LARGE`, `INVALID_JSON`, or `INVALID_MESSAGE` (415) for a body
 * of another type: a page of a foreign origin can send those without being asked for permission.
 */
export async function readJson(context: HttpContext, limit: number): Promise<unknown> {
  const type = context.req.header('content-type');
  if (type !== undefined && !isJson(type)) throw wrongType(type);
  const bytes = await readBytes(context, limit);
  if (bytes.length === 0) return undefined;
  if (type === undefined) throw wrongType('none');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ProtocolError('INVALID_JSON', 'The body is not a JSON text in UTF-8.', { cause });
  }
}

async function readBytes(context: HttpContext, limit: number): Promise<Buffer> {
  const declared = Number(context.req.header('content-length') ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of context.req.raw.body ?? []) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function isJson(type: string): boolean {
  return /^application\/json\s*(?:;|$)/i.test(type.trim());
}

function wrongType(type: string): HttpRefusal {
  return new HttpRefusal(
    'INVALID_MESSAGE',
    `Content-Type: expected application/json, got ${JSON.stringify(type.slice(0, 100))}.`,
    { status: 415, headers: { 'Accept-Post': 'application/json' } },
  );
}

function tooLarge(limit: number): ProtocolError {
  return new ProtocolError(
    'MESSAGE_TOO_LARGE',
    `The body is larger than the limit of ${limit} bytes. Send less, or raise hardMessageBytes on the server.`,
    { limit },
  );
}
