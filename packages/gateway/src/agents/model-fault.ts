/** Says in a sentence why a model did not answer, without what is secret. */

/** What the AI SDK's `APICallError` tells, by its shape: `ai` is not loaded for it. */
interface CallFault {
  readonly statusCode?: number;
  readonly responseBody?: string;
}

/** The longest excerpt of what the server said, in characters. */
const MAX_QUOTE = 200;

const ADVICE: readonly (readonly [applies: (status: number) => boolean, advice: string])[] = [
  [(status) => status === 401 || status === 403, 'Check the API key and what it may be used for.'],
  [(status) => status === 404, 'Check the name of the model and the base URL (it ends in /v1).'],
  [(status) => status === 413, 'The conversation may be too long for the model.'],
  [
    (status) => status === 429,
    'The server limits how often it may be asked: wait, then ask again.',
  ],
  [(status) => status >= 500, 'The fault is on its side: ask again later.'],
  [() => true, 'Check the name of the model, and that the conversation is not too long for it.'],
];

export class ModelFault {
  readonly #asked: string;
  readonly #secrets: readonly string[];

  /** @param secrets are replaced wherever they would show up. */
  constructor(model: string, baseURL: URL, secrets: readonly string[]) {
    // Without the query, where some servers take their key.
    this.#asked = `the model ${model} at ${baseURL.origin}${baseURL.pathname}`;
    const query = [...baseURL.searchParams.values()];
    this.#secrets = [...secrets, ...query].filter((secret) => secret.length >= 4);
  }

  /**
   * The `cause` has the words and the code of what happened, no more: the AI SDK's own error holds
   * the conversation, which a log must not get.
   *
   * @param begun whether part of the answer was there already.
   */
  from(error: unknown, begun: boolean): Error {
    const asked = `Asked ${this.#asked}`;
    const { statusCode, responseBody } = error as CallFault;
    const said = this.#harmless(messageOf(error));
    const code = systemCode(error);
    const cause = Object.assign(new Error(said), code === undefined ? {} : { code });
    if (statusCode !== undefined && statusCode >= 400) {
      const advice = ADVICE.find(([applies]) => applies(statusCode))?.[1];
      // Servers repeat part of a wrong key.
      const quote = statusCode === 401 ? '' : this.#quote(responseBody);
      return new Error(`${asked}; it answered HTTP ${statusCode}${quote}. ${advice}`, { cause });
    }
    if (begun) {
      return new Error(`${asked}; the answer broke off (${code ?? said}). Ask again.`, { cause });
    }
    if (code !== undefined) {
      const advice = 'Check that it runs and that the base URL is right.';
      return new Error(`${asked}; it cannot be reached (${code}). ${advice}`, { cause });
    }
    const advice = 'Check that the server is OpenAI-compatible and that the model writes text.';
    return new Error(`${asked}; what came back is no answer (${said}). ${advice}`, { cause });
  }

  #quote(body: string | undefined): string {
    if (!body?.trim()) return '';
    let said: unknown = body;
    try {
      const { error, message } = JSON.parse(body);
      said = error?.message ?? error ?? message ?? body;
    } catch {
      // Not JSON, so it is quoted as it is.
    }
    return ` (${this.#harmless(typeof said === 'string' ? said : body)})`;
  }

  /** One short line without secrets, nor anything that looks like a key. */
  #harmless(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '[secret]');
    clean = clean
      .trim()
      .replace(/\.$/, '')
      .replace(/\b(?:sk|key|pk)-[\w*.-]{4,}/g, '[secret]')
      .replace(/\s+/g, ' ');
    return clean.length > MAX_QUOTE ? `${clean.slice(0, MAX_QUOTE).toWellFormed()} …` : clean;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  // A server's error in mid-stream comes as the text or the object that it sent.
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : String(error);
}

/** Of the network's own error beneath what wraps it: `ECONNREFUSED`, `ECONNRESET` … */
function systemCode(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; current instanceof Error && depth < 5; depth += 1) {
    const { code } = current as NodeJS.ErrnoException;
    if (/^[A-Z][A-Z_]+$/.test(code ?? '')) return code;
    current = current.cause;
  }
  return undefined;
}
