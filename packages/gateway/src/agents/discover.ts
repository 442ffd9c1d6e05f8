/** Models that are there to be asked: those that the environment names, and a local Ollama's. */
import * as z from 'zod';
import type { Agent } from './agent.ts';
import { createModelAgent } from './model.ts';

const OPENAI = 'https://api.openai.com/v1';
const OLLAMA = 'http://127.0.0.1:11434';
const OLLAMA_TIMEOUT_MS = 1_000;
const MAX_MODELS = 64;

/** The environment variables that are read; others may stand beside them. */
export interface ModelEnvironment {
  /** Names of models, separated by commas; each becomes an agent of this name. */
  readonly PARLEY_MODEL?: string | undefined;
  readonly PARLEY_MODEL_BASE_URL?: string | undefined;
  readonly PARLEY_MODEL_API_KEY?: string | undefined;
  readonly OPENAI_BASE_URL?: string | undefined;
  /** Goes to OpenAI or to `OPENAI_BASE_URL`, never to `PARLEY_MODEL_BASE_URL`. */
  readonly OPENAI_API_KEY?: string | undefined;
}

/**
 * One agent per model in `PARLEY_MODEL`; none where that is not set.
 *
 * @throws {Error} where models are named but no server, or a server of Parley's but no model.
 */
export function modelAgentsFromEnvironment(env: ModelEnvironment): readonly Agent[] {
  const models = new Set((env.PARLEY_MODEL ?? '').split(',').map((name) => name.trim()));
  models.delete('');
  const own = env.PARLEY_MODEL_BASE_URL || undefined;
  if (models.size === 0) {
    if (own === undefined) return [];
    throw new Error(
      'PARLEY_MODEL_BASE_URL is set but PARLEY_MODEL is not: name the models to offer there,' +
        ' separated by commas.',
    );
  }
  // A key is for the server that it was made for; another one must not see it.
  const theirs = env.OPENAI_API_KEY || undefined;
  const apiKey = env.PARLEY_MODEL_API_KEY || (own === undefined ? theirs : undefined);
  const baseURL = own || env.OPENAI_BASE_URL || (theirs === undefined ? undefined : OPENAI);
  if (baseURL === undefined) {
    throw new Error(
      'PARLEY_MODEL is set but no server: set PARLEY_MODEL_BASE_URL (such as' +
        ' http://127.0.0.1:11434/v1), or OPENAI_API_KEY for OpenAI.',
    );
  }
  return [...models].map((model) =>
    createModelAgent({ name: model, model, baseURL, ...(apiKey === undefined ? {} : { apiKey }) }),
  );
}

const tagsSchema = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      details: z
        .object({ family: z.string().nullish(), parameter_size: z.string().nullish() })
        .nullish(),
    }),
  ),
});

/**
 * One agent per model of the Ollama that answers at `url` within 1 s, at most 64; `[]` where none
 * does. Models that only embed are left out.
 *
 * @param options.url as in `OLLAMA_HOST`, so that `host`, `host:port` and `:port` are understood.
 * Default: http://127.0.0.1:11434; what is no URL, `''` too, is nowhere.
 *
 * @example
 * const agents = await findOllama({ url: process.env.OLLAMA_HOST });
 */
export async function findOllama(
  options: { readonly signal?: AbortSignal | undefined; readonly url?: string | undefined } = {},
): Promise<readonly Agent[]> {
  const base = ollamaBase(options.url ?? OLLAMA);
  if (base === undefined) return [];
  const timeout = AbortSignal.timeout(OLLAMA_TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    const response = await fetch(`${base}/api/tags`, { signal, redirect: 'error' });
    if (!response.ok) {
      await response.body?.cancel();
      return [];
    }
    const { models } = tagsSchema.parse(await response.json());
    return models
      .filter(({ name, details }) => /^[\x21-\x7e]{1,128}$/.test(name) && !embeds(name, details))
      .slice(0, MAX_MODELS)
      .map(({ name, details }) => {
        const size = details?.parameter_size ? ` (${details.parameter_size})` : '';
        const description = `The model ${name}${size}, local through Ollama.`;
        return createModelAgent({ name, description, baseURL: `${base}/v1`, model: name });
      });
  } catch {
    return []; // No Ollama is the usual case, and not an error.
  }
}

function embeds(name: string, details: { family?: string | null | undefined } | null | undefined) {
  return /embed/i.test(name) || /bert/i.test(details?.family ?? '');
}

/** `OLLAMA_HOST` is also where Ollama listens: every address of the machine is asked as itself. */
function ollamaBase(host: string): string | undefined {
  const given = host.trim();
  if (/^https?:\/\//i.test(given)) return askable(URL.parse(given));
  const url = URL.parse(`http://${given.replace(/^:/, '127.0.0.1:')}`);
  // Only here: `http://host` means port 80 to Ollama too.
  if (url && !/:\d+\/?$/.test(given)) url.port = '11434';
  return askable(url);
}

function askable(url: URL | null): string | undefined {
  if (!url) return undefined;
  if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1';
  return `${url.origin}${url.pathname}`.replace(/\/$/, '');
}
