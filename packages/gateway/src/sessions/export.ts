/**
 * A session as a file, read page by page: however long it is, only what is being written is in memory.
 * What was appended after the export began is not in it.
 */
import { Branch, type SessionEvent, type SessionEventOf } from '@parley/protocol';
import type { SessionPage, SessionRecord } from '../stores/store.ts';

/** Reads the events after a `seq`; rejects where the session is no more. */
export type ReadAfter = (after: number, limit: number) => Promise<SessionPage>;

/** Events of one page: an answer may have a million characters. */
const PAGE = 20;

/** The session and every event of its log, as one JSON text. */
export async function* exportJson(read: ReadAfter): AsyncGenerator<string> {
  const { session } = await read(0, 1);
  const { id, title, agent, createdAt, lastActivity, firstSeq, lastSeq } = session;
  const head = {
    id,
    title,
    agent,
    created_at: new Date(createdAt).toISOString(),
    last_used: new Date(lastActivity).toISOString(),
    first_seq: firstSeq,
    last_seq: lastSeq,
  };
  yield `{"session":${JSON.stringify(head)},"events":[`;
  let separator = '\n';
  for await (const event of events(read, lastSeq)) {
    yield `${separator}${JSON.stringify(event)}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

/** What the session shows to people, as Markdown: superseded messages and their answers are left out. */
export async function* exportMarkdown(read: ReadAfter): AsyncGenerator<string> {
  const { session } = await read(0, 1);
  yield heading(session);
  const transcript = new Transcript(await findShown(read, session.lastSeq));
  for await (const event of events(read, session.lastSeq)) yield* transcript.add(event);
  yield* transcript.end();
}

async function* events(read: ReadAfter, until: number): AsyncGenerator<SessionEvent> {
  for (let after = 0; after < until; ) {
    const page = await read(after, PAGE);
    if (page.events.length === 0) return;
    for (const event of page.events) {
      if (event.seq > until) return;
      yield event;
      after = event.seq;
    }
  }
}

/** The ids of the messages that are shown, in order, and whether their answers have ended. */
async function findShown(read: ReadAfter, until: number): Promise<Map<string, boolean>> {
  const branch = new Branch<{ message_id: string; replaces?: string | undefined }>();
  const ended = new Set<string>();
  for await (const event of events(read, until)) {
    if (event.type === 'chat_message') {
      branch.add({ message_id: event.message_id, replaces: event.data.replaces });
    } else if (event.type === 'agent_response' && event.reply_to !== undefined) {
      ended.add(event.reply_to);
    }
  }
  return new Map(branch.messages.map(({ message_id }) => [message_id, ended.has(message_id)]));
}

/**
 * Puts each answer under its message. A message that was sent while another was being answered stands
 * before that answer in the log; it is held back until the answer has ended.
 */
class Transcript {
  readonly #shown: ReadonlyMap<string, boolean>;
  /** Messages that were read and are not done, in order, with the text that is held back for them. */
  readonly #open = new Map<string, { text: string; done: boolean }>();

  /** @param shown see `findShown`. */
  constructor(shown: ReadonlyMap<string, boolean>) {
    this.#shown = shown;
  }

  *add(event: SessionEvent): Generator<string> {
    const id = event.type === 'chat_message' ? event.message_id : event.reply_to;
    if (id === undefined || !this.#shown.has(id)) return;
    if (event.type === 'chat_message') {
      this.#open.set(id, { text: question(event), done: this.#shown.get(id) === false });
    } else {
      const entry = this.#open.get(id);
      if (!entry) return;
      entry.text += event.type === 'agent_response' ? answer(event) : toolLine(event);
      entry.done ||= event.type === 'agent_response';
    }
    yield* this.#release();
  }

  *end(): Generator<string> {
    for (const { text } of this.#open.values()) yield text;
  }

  *#release(): Generator<string> {
    for (const [id, entry] of this.#open) {
      yield entry.text;
      entry.text = '';
      if (!entry.done) return;
      this.#open.delete(id);
    }
  }
}

function heading({ title, agent, createdAt }: SessionRecord): string {
  const created = new Date(createdAt).toISOString();
  return `# ${oneLine(title ?? 'Untitled')}\n\n*With ${oneLine(agent)}, since ${created}.*\n`;
}

function question({ timestamp, data }: SessionEventOf<'chat_message'>): string {
  return `\n## ${oneLine(data.sender)}, ${timestamp}\n\n${data.content}\n`;
}

function answer({ timestamp, data }: SessionEventOf<'agent_response'>): string {
  const { agent_name, content, status, error } = data;
  const text = content === '' ? '' : `\n${content}\n`;
  const note = status === 'complete' ? '' : `\n*${status}${error ? `: ${oneLine(error)}` : ''}*\n`;
  return `\n## ${oneLine(agent_name)}, ${timestamp}\n${text}${note}`;
}

function toolLine(event: SessionEventOf<'tool_call' | 'tool_result' | 'approval_request'>): string {
  const { data, type } = event;
  switch (type) {
    case 'tool_call':
      return `\n> **${oneLine(event.data.tool_name)}** ${code(event.data.arguments)}\n`;
    case 'tool_result': {
      const outcome = event.data.is_error ? 'failed' : 'returned';
      return `\n> **${oneLine(event.data.tool_name)}** ${outcome} ${code(event.data.result)}\n`;
    }
    case 'approval_request': {
      const by = event.data.decided_by === undefined ? '' : ` by ${oneLine(event.data.decided_by)}`;
      return `\n> **${oneLine(event.data.tool_name)}** ${event.data.status}${by}\n`;
    }
    default:
      throw new TypeError(`unknown event ${JSON.stringify(data satisfies never)}`);
  }
}

/** A value as inline code; the fence is longer than any run of backticks in it. */
function code(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const space = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${space}${text}${space}${fence}`;
}

/** Text that stays in its heading or line: no line break, and nothing that Markdown would format. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>#]/g, '\\$&');
}
