/** An export as a response: streamed as fast as it is read, under a file name that is safe anywhere. */
import { exportJson, exportMarkdown, type ReadAfter } from '../sessions/export.ts';

interface Export {
  readonly read: ReadAfter;
  readonly format: 'markdown' | 'json';
  /** Called where it breaks off after its head was sent: the client must not take it for whole. */
  readonly failed: (error: unknown) => void;
}

const FORMATS = {
  markdown: { generate: exportMarkdown, type: 'text/markdown; charset=utf-8', extension: 'md' },
  json: { generate: exportJson, type: 'application/json', extension: 'json' },
} as const;

export async function exportSession({ read, format, failed }: Export): Promise<Response> {
  const { generate, type, extension } = FORMATS[format];
  const { session } = await read(0, 1);
  return new Response(toStream(generate(read), failed), {
    headers: {
      'Content-Type': type,
      'Content-Disposition': disposition(session.title ?? session.id, extension),
      'Cache-Control': 'no-store',
    },
  });
}

/** Asks for the next piece only when the last one has been taken. */
function toStream(
  pieces: AsyncGenerator<string>,
  failed: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          failed(error);
          controller.close();
        }
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    // Nothing is read before somebody reads.
    { highWaterMark: 0 },
  );
}

/** RFC 6266: an ASCII name for everyone, the real one for those that know `filename*`. */
function disposition(name: string, extension: string): string {
  const safe =
    name
      .normalize('NFC')
      // What file systems and shells take for something else: separators, wildcards, controls.
      .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}/\\:*?"<>|%]/gu, ' ')
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/^[. ]+|[. ]+$/g, '')
      .slice(0, 100)
      .toWellFormed()
      .trim() || 'session';
  const ascii = safe.replaceAll(/[^\x20-\x7e]/g, '_');
  const encoded = encodeURIComponent(safe).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}.${extension}"; filename*=UTF-8''${encoded}.${extension}`;
}
