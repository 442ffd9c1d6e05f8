/** Any model behind an OpenAI-compatible server as an agent, through the AI SDK. */
import type { ModelMessage } from 'ai';
import { type Agent, type ChatTurn, defineAgent } from './agent.ts';
import { ModelFault } from './model-fault.ts';

export interface ModelAgentOptions {
  /** The agent's name; 1 to 128 printable ASCII characters without spaces. */
  readonly name: string;
  readonly description?: string;
  /** Up to and with its `/v1`. */
  readonly baseURL: string;
  /** Sent as `Authorization: Bearer …`; shown nowhere. */
  readonly apiKey?: string;
  /** The model's id, as the server knows it. */
  readonly model: string;
  /** Instructions that stand before every conversation. */
  readonly system?: string;
  /** Sent with every request; their values are shown nowhere. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of the conversation the newest part goes along, at most this many characters. */
const MAX_HISTORY_LENGTH = 100_000;

/**
 * An agent that asks a model, with the conversation so far, and passes its text on as it comes.
 * What goes wrong is an `Error` whose message says what was asked, what came back and what to
 * check; neither it nor its `cause` holds the key or the conversation. Nothing is asked twice.
 *
 * @throws {TypeError} where the name or the URL cannot be used.
 *
 * @example
 * createModelAgent({ name: 'llama', baseURL: 'http://127.0.0.1:11434/v1', model: 'llama3.2' });
 */
export function createModelAgent(options: ModelAgentOptions): Agent {
  const { name, model: modelId, system, headers = {} } = options;
  const url = parseBase(options.baseURL);
  // A key read from a file ends with a line break, which no header may hold.
  const apiKey = options.apiKey?.trim();
  const fault = new ModelFault(modelId, url, [apiKey ?? '', ...Object.values(headers)]);
  return defineAgent({
    name,
    description: options.description ?? `Answers with the model ${modelId} at ${url.host}.`,
    role: 'model',
    capabilities: ['streaming', 'model'],
    onInterrupt: 'retry',
    async *run(input, { signal, traceHeaders }) {
      // Both take a tenth of a second to load, which the start of a server need not wait for.
      const [{ streamText }, { createOpenAICompatible }] = await Promise.all([
        import('ai'),
        import('@ai-sdk/openai-compatible'),
      ]);
      const messages = conversation(await input.history(), input.message);
      if (signal.aborted) return;
      const trace =
        traceHeaders &&
        (await import('./model-trace.ts')).traceModelCall(modelId, url, traceHeaders);
      const provider = createOpenAICompatible({
        name: 'model',
        baseURL: url.href.replace(/\/$/, ''),
        headers: { ...trace?.headers, ...headers },
        ...(apiKey ? { apiKey } : {}),
      });
      const ask = () =>
        streamText({
          model: provider(modelId),
          messages,
          abortSignal: signal,
          // A second request after part of an answer would say that part twice.
          maxRetries: 0,
          // Errors come through the stream; the default would print them, conversation and all.
          onError: () => {},
          ...(system === undefined ? {} : { instructions: system }),
        });
      const { stream } = trace ? trace.within(ask) : ask();
      let empty = true;
      try {
        for await (const part of stream) {
          if (signal.aborted) return;
          if (part.type === 'text-delta' && part.text !== '') {
            empty = false;
            yield part.text;
          } else if (part.type === 'error') {
            throw part.error;
          } else if (part.type === 'finish') {
            trace?.finished(part.finishReason, part.totalUsage);
            if (empty) throw new Error(`no text at all (finish reason: ${part.finishReason})`);
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        const said = fault.from(error, !empty);
        trace?.failed(said);
        throw said;
      } finally {
        trace?.end();
      }
    },
  });
}

function parseBase(baseURL: string): URL {
  const url = URL.parse(baseURL);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    // What was given is not repeated: it may hold a password.
    throw new TypeError(
      'The base URL of a model: expected http(s)://host[:port]/v1 without a user.',
    );
  }
  return url;
}

/**
 * Many models' templates want turns that alternate and begin with a person's, so neighbours of the
 * same role become one turn and empty ones go.
 */
function conversation(history: readonly ChatTurn[], message: string): ModelMessage[] {
  const turns: { role: ChatTurn['role']; content: string }[] = [{ role: 'user', content: message }];
  let room = MAX_HISTORY_LENGTH;
  for (const { role, content } of history.toReversed()) {
    if (content.trim() === '') continue;
    room -= content.length;
    if (room < 0) break;
    const next = turns[0];
    if (next?.role === role) next.content = `${content}\n\n${next.content}`;
    else turns.unshift({ role, content });
  }
  if (turns[0]?.role === 'assistant') turns.shift();
  return turns;
}
