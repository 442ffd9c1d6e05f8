/** The first page: one conversation over the client, kept in the address. */
import { type AnswerItem, createClient, type Session } from '@parley/client';
import { element } from './element.ts';
import { type Actions, forgetItems, itemElement } from './items.ts';

const LAST_SESSION = 'parley.session';
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** So near to the end, in pixels, counts as at the end. */
const NEAR_END = 48;

function find<Found extends HTMLElement>(id: string): Found {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found as Found;
}
const [title, connection, log, scroll, announcer, hint] = [
  'title',
  'connection',
  'log',
  'scroll',
  'announcer',
  'hint',
].map((id) => find(id)) as [
  HTMLElement,
  HTMLElement,
  HTMLElement,
  HTMLElement,
  HTMLElement,
  HTMLElement,
];
const composer = find<HTMLFormElement>('composer');
const text = find<HTMLTextAreaElement>('text');
const agent = find<HTMLSelectElement>('agent');
const stop = find<HTMLButtonElement>('stop');
const recent = find<HTMLDetailsElement>('recent');

const api = new URL('api/', document.baseURI);
const socket = new URL('ws', document.baseURI);
socket.protocol = socket.protocol === 'https:' ? 'wss:' : 'ws:';
socket.hash = '';

const client = createClient({ url: socket.href });
/** The person has picked an agent; until they do, the one that answered last is asked. */
let picked = false;
/** The end of the conversation is kept in view, until the person scrolls away from it. */
let atEnd = true;
/** Answers that were seen unfinished, so that only those are announced that end before one's eyes. */
const unfinished = new Set<string>();
let session: Session;
let unsubscribe = () => {};
let drawing = false;

/** What the server says in its envelope of success; `undefined` where it cannot be had now. */
async function get<Data>(path: string): Promise<Data | undefined> {
  try {
    const response = await fetch(new URL(path, api));
    const body = (await response.json()) as { status: string; data: Data };
    return body.status === 'success' ? body.data : undefined;
  } catch {
    return undefined;
  }
}

function open(id: string | undefined): void {
  unsubscribe();
  if (session && session.id !== id) session.leave();
  session = client.session(id);
  picked = false;
  atEnd = true;
  unfinished.clear();
  forgetItems();
  unsubscribe = session.transcript.subscribe(draw);
  remember(id);
  log.replaceChildren();
  draw();
  text.focus();
}

/** A reload, a bookmark and the back button come back to the session in the address. */
function remember(id: string | undefined): void {
  if (id === undefined) localStorage.removeItem(LAST_SESSION);
  else localStorage.setItem(LAST_SESSION, id);
  const hash = id === undefined ? '' : `#${id}`;
  if (location.hash !== hash) history.pushState(null, '', hash || location.pathname);
}

function inAddress(): string | undefined {
  const id = location.hash.slice(1);
  return UUID.test(id) ? id : undefined;
}

/** At most once a frame, however many chunks come. */
function draw(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    render();
  });
}

function render(): void {
  const shown = session.transcript.snapshot();
  const elements: Element[] = shown.items.map((item) => itemElement(item, actions));
  if (shown.hasMore) elements.unshift(note('Older messages are kept but not shown here.'));
  if (shown.status === 'refused') {
    localStorage.removeItem(LAST_SESSION);
    elements.push(note(shown.problem?.message ?? '', 'problem'));
  }
  if (shown.status === 'deleted' || shown.status === 'expired') {
    elements.push(note(`This chat was ${shown.status}. Start a new one to go on.`, 'problem'));
  }
  if (elements.length === 0)
    elements.push(note(inAddress() ? 'Loading…' : 'Ask anything.', 'empty'));
  place(elements);
  stayAtEnd();

  title.textContent = shown.title ?? 'New chat';
  document.title = shown.title === null ? 'Parley' : `${shown.title} · Parley`;
  stop.hidden = !shown.items.some(
    (item) => item.kind === 'answer' && (item.status === 'running' || item.status === 'queued'),
  );
  const last = shown.items.findLast((item) => item.kind === 'answer' && item.agent !== undefined);
  const usual = last?.agent ?? shown.agent;
  if (usual !== undefined && !picked) agent.value = usual;
  const others = shown.connections - 1;
  const watching = others > 0 ? `Open ${others === 1 ? 'once' : `${others} times`} elsewhere` : '';
  hint.textContent = shown.typing.length > 0 ? `${shown.typing.join(', ')} is writing…` : watching;
  for (const item of shown.items) if (item.kind === 'answer') announce(item);
}

/** Moves only what is not where it should be: selections and unfolded details stay. */
function place(elements: readonly Element[]): void {
  for (const [index, each] of elements.entries()) {
    const there = log.children[index];
    if (there === each) continue;
    if (there && !elements.includes(there)) there.replaceWith(each);
    else log.insertBefore(each, there ?? null);
  }
  while (log.children.length > elements.length) log.lastElementChild?.remove();
}

/** Tells a screen reader when an answer is whole, not every piece of it. */
function announce({ runId, status, agent: name, text: words }: AnswerItem): void {
  if (status === 'queued' || status === 'running') unfinished.add(runId);
  else if (unfinished.delete(runId)) {
    announcer.textContent = `${name ?? 'The agent'}, ${status}: ${words.slice(0, 1_000)}`;
  }
}

function note(words: string, className = ''): HTMLElement {
  return element('p', { className: `note ${className}` }, words);
}

function connectionInWords(): string {
  const { state } = client;
  switch (state.status) {
    case 'connecting':
      return 'Connecting…';
    case 'open':
      return 'Connected';
    case 'waiting': {
      const seconds = Math.ceil((state.retryAt - Date.now()) / 1_000);
      return `Offline, retrying ${seconds > 0 ? `in ${seconds} s` : 'now'}`;
    }
    case 'closed':
      return `Disconnected${state.reason ? `: ${state.reason}` : ''}. Reload to try again.`;
  }
}

function showConnection(): void {
  const words = connectionInWords();
  if (connection.textContent !== words) connection.textContent = words;
  connection.dataset.status = client.state.status;
}

function stayAtEnd(): void {
  if (atEnd) scroll.scrollTop = scroll.scrollHeight;
}

function send(words: string, asked: string | undefined, replaces?: string): void {
  if (words.trim() === '') return;
  atEnd = true;
  session.send(words, { agent: asked, replaces });
  remember(session.id);
}

const actions: Actions = {
  get session() {
    return session;
  },
  askAgain(answer) {
    const question = session.transcript
      .snapshot()
      .items.find((item) => item.kind === 'message' && item.id === answer.replyTo);
    if (question) send(question.text, answer.agent, answer.replyTo);
  },
  editAgain(message) {
    session.discard(message.id);
    text.value = message.text;
    text.focus();
  },
};

composer.addEventListener('submit', (event) => {
  event.preventDefault();
  send(text.value, agent.value || undefined);
  text.value = '';
});
text.addEventListener('input', () => session.typing(text.value !== ''));
text.addEventListener('keydown', (event) => {
  // While an input method composes, Enter belongs to it.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});
stop.addEventListener('click', () => session.stop());
agent.addEventListener('change', () => {
  picked = true;
});
find('new').addEventListener('click', () => open(undefined));
addEventListener('popstate', () => open(inAddress()));
recent.addEventListener('toggle', async () => {
  if (!recent.open) return;
  type Recent = { sessions: { id: string; title: string | null }[] };
  const data = await get<Recent>('sessions?limit=20');
  const links = data?.sessions.map(({ id, title: name }) => {
    const made = element('a', { href: `#${id}` }, name ?? 'Untitled');
    made.addEventListener('click', () => {
      recent.open = false;
    });
    return made;
  });
  const empty = data ? 'No chats yet.' : 'The list cannot be loaded now.';
  find('sessions').replaceChildren(...(links?.length ? links : [note(empty)]));
});
document.addEventListener('click', (event) => {
  if (!recent.contains(event.target as Node)) recent.open = false;
});

scroll.addEventListener('scroll', () => {
  atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END;
});
// A phone's keyboard takes half of the view away.
new ResizeObserver(stayAtEnd).observe(scroll);

client.subscribe(showConnection);
// The countdown to the next try.
setInterval(showConnection, 1_000);
open(inAddress() ?? localStorage.getItem(LAST_SESSION) ?? undefined);

type Agents = {
  available: { name: string; description: string; enabled: boolean }[];
  default: string;
};
const agents = await get<Agents>('agents');
const options = agents?.available.filter(({ enabled }) => enabled) ?? [];
agent.append(
  ...options.map(({ name, description }) =>
    element('option', { value: name, title: description }, name),
  ),
);
agent.disabled = options.length === 0;
if (agents) agent.value = agents.default;
draw();
