/** Models that are there to be asked: those that the settings name, and a local Ollama's. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import type { Agent } from './agent.ts';
import { createModelAgent } from './model.ts';

const OPENAI = 'https://api.openai.com/v1';
const OLLAMA = 'http://127.0.0.1:11434';
const OLLAMA_TIMEOUT_MS = 1_000;
const MAX_MODELS = 64;

/** The settings of the same names. */
export interface ModelSettings {
  /** Each becomes an agent of this name. */
  readonly models: readonly string[];
  readonly modelBaseUrl?: string | undefined;
  readonly modelApiKey?: string | undefined;
}

/**
 * One agent per model that the settings name.
 *
 * @throws {Error} where models are named but no server, or a server but no model.
 */
export function configuredModels(settings: ModelSettings): readonly Agent[] {
  const { models, modelBaseUrl, modelApiKey: apiKey } = settings;
  if (models.length === 0) {
    if (modelBaseUrl === undefined) return [];
    throw new Error('modelBaseUrl is set but models is not: name the models to offer there.');
  }
  // A key without a server is OpenAI's.
  const baseURL = modelBaseUrl ?? (apiKey === undefined ? undefined : OPENAI);
  if (baseURL === undefined) {
    throw new Error(
      'models is set but no server: set modelBaseUrl (such as http://127.0.0.1:11434/v1), or' +
        ' modelApiKey for OpenAI.',
    );
  }
  return [...new Set(models)].map((model) =>
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
    const { models } = tagsSchema.parse(await readJson(`${base}/api/tags`, signal));
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

/** Not by `fetch`, which is 13 MB in every process that asks for an Ollama, most of them in vain. */
async function readJson(url: string, signal: AbortSignal): Promise<unknown> {
  const isSecure = url.startsWith('https:');
  const { get } = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http');
  const request = get(url, { signal });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`${url} answered ${response.statusCode}.`);
  }
  return JSON.parse(Buffer.concat(await response.toArray()).toString());
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
