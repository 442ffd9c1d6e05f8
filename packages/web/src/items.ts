/** One item of a transcript as an element, built anew only when the item has changed. */
import type { AnswerItem, MessageItem, Session, Step, TranscriptItem } from '@parley/client';
import { element } from './element.ts';
import { markdown } from './markdown.ts';

/** What a person may do with an item. */
export interface Actions {
  readonly session: Session;
  /** Asks the question of this answer again. */
  askAgain(answer: AnswerItem): void;
  /** Puts the text of a message that was refused back to where it was written. */
  editAgain(message: MessageItem): void;
}

const built = new WeakMap<TranscriptItem, HTMLElement>();
/** The element of an answer goes on from item to item, so that its steps can be used meanwhile. */
const answers = new Map<string, { readonly node: HTMLElement; readonly shown: AnswerItem }>();
/** The calls whose details are unfolded, over the rebuilding of their elements. */
const unfolded = new Set<string>();

/** The same element for the same item, so that what has not changed is not touched. */
export function itemElement(item: TranscriptItem, actions: Actions): HTMLElement {
  let node = built.get(item);
  if (!node) {
    node = item.kind === 'message' ? messageElement(item, actions) : answerElement(item, actions);
    built.set(item, node);
  }
  return node;
}

function messageElement(item: MessageItem, actions: Actions): HTMLElement {
  const node = element('article', { className: `message ${item.status}` });
  node.append(element('h2', { className: 'unseen' }, 'You'), element('p', {}, item.text));
  if (item.status === 'waiting') node.append(note('Waiting to be sent'));
  if (item.status === 'failed') {
    node.append(
      note(`Not sent: ${item.problem?.message ?? 'refused'}`, 'problem'),
      action('Edit and send again', () => actions.editAgain(item)),
    );
  }
  return node;
}

function answerElement(item: AnswerItem, actions: Actions): HTMLElement {
  const last = answers.get(item.runId);
  const node = last?.node ?? element('article', {}, element('h2'), element('div'));
  node.className = `answer ${item.status}`;
  const [name, steps] = node.children;
  if (name) name.textContent = item.agent ?? 'Agent';
  if (last?.shown.steps !== item.steps || last.shown.status !== item.status) {
    steps?.replaceChildren(...item.steps.map((step) => stepElement(item, step, actions.session)));
  }
  while (node.children.length > 2) node.lastElementChild?.remove();
  if (item.text !== '') {
    node.append(element('div', { className: 'text' }, ...markdown(item.text)));
  }
  const state = stateInWords(item);
  if (state) node.append(note(state, item.problem ? 'problem' : ''));
  if (item.status === 'interrupted' || item.status === 'error') {
    node.append(action('Ask again', () => actions.askAgain(item)));
  }
  answers.set(item.runId, { node, shown: item });
  return node;
}

/** For another session: what is kept of the last one is of no use. */
export function forgetItems(): void {
  answers.clear();
  unfolded.clear();
}

function stateInWords(item: AnswerItem): string | undefined {
  switch (item.status) {
    case 'queued':
      if (!item.position) return 'Waiting for an answer…';
      return `Waiting its turn, ${item.position === 1 ? 'one answer' : `${item.position} answers`} before it`;
    case 'running': {
      const working = item.progress?.agents.filter(({ status }) => status === 'processing') ?? [];
      const report = working.map(
        ({ name, progress, message }) => `${name} ${Math.round(progress * 100)} % ${message ?? ''}`,
      );
      if (report.length > 0) return report.join(' · ');
      return item.text === '' && item.steps.length === 0 ? 'Thinking…' : undefined;
    }
    case 'complete':
      return undefined;
    case 'cancelled':
      return 'Stopped.';
    case 'error':
      return item.problem?.message ?? 'The agent failed and did not say why.';
    case 'interrupted':
      return item.problem?.message ?? 'Interrupted: the server stopped before the end.';
  }
}

function stepElement(item: AnswerItem, step: Step, session: Session): HTMLElement {
  if (step.kind === 'approval') return approvalElement(step, session);
  const ended = item.status !== 'running' && item.status !== 'queued';
  let state = ended ? 'did not finish' : 'working…';
  if (step.result) state = step.result.isError ? 'failed' : 'done';
  const key = `${item.runId} ${step.id}`;
  const node = element(
    'details',
    { open: unfolded.has(key) },
    element('summary', {}, element('code', {}, step.name), ` ${state}`),
    element('pre', { tabIndex: 0 }, JSON.stringify(step.arguments, null, 2)),
  );
  if (step.result) {
    node.append(element('pre', { tabIndex: 0 }, JSON.stringify(step.result.value, null, 2)));
  }
  node.addEventListener('toggle', () => {
    if (node.open) unfolded.add(key);
    else unfolded.delete(key);
  });
  return node;
}

function approvalElement(step: Step & { kind: 'approval' }, session: Session): HTMLElement {
  const node = element('section', { className: 'approval' });
  const words = { pending: 'asks to use', approved: 'was allowed to use', denied: 'was denied' };
  node.append(
    element('p', {}, `The agent ${words[step.status]} `, element('code', {}, step.name)),
    element('pre', { tabIndex: 0 }, JSON.stringify(step.arguments, null, 2)),
  );
  if (step.status === 'pending') {
    const decide = (approved: boolean) => () => {
      session.decide(step.id, approved);
      for (const button of node.querySelectorAll('button')) button.disabled = true;
    };
    node.append(action('Allow', decide(true)), action('Deny', decide(false)));
  }
  return node;
}

function note(words: string, className = ''): HTMLElement {
  return element('p', { className: `note ${className}` }, words);
}

function action(words: string, perform: () => void): HTMLElement {
  const button = element('button', { type: 'button' }, words);
  button.addEventListener('click', perform);
  return button;
}
