/** The HTTP side of the server: requests that are tried again where that helps, and typed refusals. */
import type { ErrorCode } from '@parley/protocol/codes';
import { retryDelay } from './backoff.ts';
import { parseJson } from './json.ts';
import type { Token } from './token.ts';

/** A try that has not been answered after so long has failed, milliseconds. */
const REQUEST_MS = 15_000;
const TRIES = 3;
/** Nobody waits longer for another try, milliseconds; a server that asks for more is not asked. */
const MAX_WAIT_MS = 5_000;

/** What the server said, or that it could not be reached. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** Of the wire's table (`@parley/protocol/codes`); codes that are not in it yet may come. */
  readonly code: ErrorCode | 'UNREACHABLE' | (string & {});
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** When to try again, milliseconds from now, where the server said it. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    more: Pick<RequestError, 'code' | 'status' | 'retryable'> & {
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, more);
    this.code = more.code;
    this.status = more.status;
    this.retryable = more.retryable;
    this.retryAfterMs = more.retryAfterMs;
  }
}

export interface HttpOptions {
  /** Of the WebSocket endpoint; the API is beside it. */
  readonly url: string;
  readonly token?: Token | undefined;
  readonly fetch?: typeof globalThis.fetch | undefined;
}

interface Call {
  readonly method?: 'GET' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

export class Http {
  readonly #options: HttpOptions;
  readonly #base: URL;
  readonly #closed = new AbortController();

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#base = new URL('api/', options.url);
    this.#base.protocol = this.#base.protocol.replace(/^ws/, 'http');
  }

  url(path: string): string {
    return new URL(path, this.#base).href;
  }

  /**
   * The `data` of the answer. Every request here may be repeated without harm.
   *
   * @throws {RequestError} when it was refused, or the server cannot be reached.
   * @throws {DOMException} (`AbortError`) when `signal` aborts, or the client is closed.
   */
  async call<Data>(path: string, { method = 'GET', body, signal }: Call = {}): Promise<Data> {
    const ends = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#try<Data>(path, method, body, ends);
      } catch (error) {
        ends.throwIfAborted();
        const delay = error instanceof RequestError && error.retryable && delayOf(error, tries);
        if (delay === false || tries === TRIES || delay > MAX_WAIT_MS) throw error;
        await waitFor(delay, ends);
      }
    }
  }

  close(): void {
    this.#closed.abort();
  }

  async #token(): Promise<string | undefined> {
    const { token } = this.#options;
    return typeof token === 'function' ? token() : token;
  }

  async #try<Data>(path: string, method: string, body: unknown, ends: AbortSignal): Promise<Data> {
    const fetch = this.#options.fetch ?? globalThis.fetch;
    const token = await this.#token();
    let response: Response;
    let answer: Answer<Data> | undefined;
    try {
      response = await fetch(this.url(path), {
        method,
        headers: {
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([ends, AbortSignal.timeout(REQUEST_MS)]),
        // A page that is closed has done what its person did last.
        keepalive: method !== 'GET',
      });
      answer = parseJson(await response.text()) as Answer<Data> | undefined;
    } catch (cause) {
      const message = `The server at ${this.#base.host} cannot be reached.`;
      throw new RequestError(message, { code: 'UNREACHABLE', status: 0, retryable: true, cause });
    }
    if (response.ok && answer?.status === 'success') return answer.data;
    throw refusal(response, answer);
  }
}

type Answer<Data> =
  | { readonly status: 'success'; readonly data: Data }
  | {
      readonly status: 'error';
      readonly message: string;
      readonly error: {
        readonly code: string;
        readonly retryable: boolean;
        readonly retry_after_ms?: number;
      };
    };

function refusal({ status }: Response, answer: Answer<unknown> | undefined): RequestError {
  if (answer?.status === 'error' && answer.error) {
    const { code, retryable, retry_after_ms: retryAfterMs } = answer.error;
    return new RequestError(answer.message, { code, status, retryable, retryAfterMs });
  }
  // A proxy in between, or a server that is something else.
  const message = `The server answered ${status}, with nothing that Parley says.`;
  return new RequestError(message, {
    code: 'INTERNAL_ERROR',
    status,
    retryable: status === 429 || status >= 500,
  });
}

function delayOf({ retryAfterMs }: RequestError, tries: number): number {
  return retryAfterMs ?? retryDelay(tries - 1);
}

function waitFor(delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, delay);
    signal.addEventListener('abort', done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    }
  });
}
