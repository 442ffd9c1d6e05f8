/** Messages and their answers in the order in which they are shown, kept up to date piece by piece. */
import { Branch } from '@parley/protocol/history';
import { Answer } from './answer.ts';
import type { MessageItem, TranscriptItem } from './items.ts';

/** In the log, so with its place there. */
type LoggedMessage = MessageItem & { readonly seq: number };

/**
 * What changes at the end of a conversation (a piece of an answer, a new message, an acknowledgement)
 * costs what it changes, and a copy of the list of items; only what changes in the middle has the
 * whole list made anew.
 */
export class Arrangement {
  readonly #logged = new Map<string, LoggedMessage>();
  #highest = 0;
  /** Waiting or failed, in the order in which they were sent. */
  #unsent = new Map<string, MessageItem>();
  readonly #answers = new Map<string, Answer>();
  /** By the message that they answer. */
  readonly #replies = new Map<string, Answer[]>();
  /** `undefined`: to be made anew, because something changed before its end. */
  #list: TranscriptItem[] | undefined = [];
  readonly #messagePlaces = new Map<string, number>();
  readonly #answerPlaces = new Map<Answer, number>();
  readonly #changedAnswers = new Set<Answer>();
  #items: readonly TranscriptItem[] = [];
  #isStale = false;

  /** The same array until one of its items changes. */
  items(): readonly TranscriptItem[] {
    const list = this.#list ?? this.#build();
    for (const answer of this.#changedAnswers) {
      const place = this.#answerPlaces.get(answer);
      if (place !== undefined) this.#put(list, place, answer.item());
    }
    this.#changedAnswers.clear();
    if (this.#isStale) this.#items = [...list];
    this.#isStale = false;
    return this.#items;
  }

  isLogged(id: string): boolean {
    return this.#logged.has(id);
  }

  unsent(id: string): MessageItem | undefined {
    return this.#unsent.get(id);
  }

  /** A message, also one that another has taken the place of. */
  message(id: string): MessageItem | undefined {
    return this.#logged.get(id) ?? this.#unsent.get(id);
  }

  /** The id of the message that an answer is to, also where that is not here. */
  questionOf(answerId: string): string | undefined {
    for (const answer of this.#answers.values()) {
      if (answer.item().messageId === answerId) return answer.replyTo;
    }
    return undefined;
  }

  /** Of the running answer, as `session_join` says it. */
  get place(): Answer['place'] {
    return [...this.#answers.values()].findLast((answer) => answer.place)?.place;
  }

  /** The message is in the log. */
  log(item: LoggedMessage): void {
    const before = this.#unsent.get(item.id);
    const wasFirst = before !== undefined && this.#unsent.keys().next().value === item.id;
    this.#unsent.delete(item.id);
    this.#logged.set(item.id, item);
    const isNewest = item.seq > this.#highest;
    this.#highest = Math.max(this.#highest, item.seq);
    const place = this.#messagePlaces.get(item.id);
    if (!isNewest) this.#list = undefined;
    else if (this.#list && wasFirst && before?.status === 'waiting' && place !== undefined) {
      this.#put(this.#list, place, item);
    } else if (before || this.#unsent.size > 0) this.#list = undefined;
    else this.#append(item);
  }

  /** The message waits or has failed; a new one goes to the end. */
  setUnsent(item: MessageItem): void {
    const before = this.#unsent.get(item.id);
    this.#unsent.set(item.id, item);
    if (before) this.#list = undefined;
    else this.#append(item);
  }

  removeUnsent(id: string): void {
    if (this.#unsent.delete(id)) this.#list = undefined;
  }

  /** Puts those that are not sent into this order, others after them; `false`: they are in it. */
  orderUnsent(ids: readonly string[]): boolean {
    const before = [...this.#unsent.keys()];
    const ordered = new Map<string, MessageItem>();
    for (const id of [...ids, ...before]) {
      const item = this.#unsent.get(id);
      if (item) ordered.set(id, item);
    }
    const after = [...ordered.keys()];
    if (after.every((id, index) => id === before[index])) return false;
    this.#unsent = ordered;
    this.#list = undefined;
    return true;
  }

  /** The answer of a run, to change it. */
  answer(runId: string, replyTo: string): Answer {
    let answer = this.#answers.get(runId);
    if (!answer) {
      answer = new Answer(runId, replyTo);
      this.#answers.set(runId, answer);
      const replies = this.#replies.get(replyTo) ?? [];
      this.#replies.set(replyTo, [...replies, answer]);
      this.#appendAnswer(answer, replies.length);
    }
    this.#changedAnswers.add(answer);
    return answer;
  }

  /** Drops what is in the log and every answer but that of one run. */
  clear(exceptRun: string | undefined): void {
    this.#logged.clear();
    this.#highest = 0;
    for (const { runId } of [...this.#answers.values()]) {
      if (runId !== exceptRun) this.#answers.delete(runId);
    }
    this.#replies.clear();
    for (const answer of this.#answers.values()) this.#replies.set(answer.replyTo, [answer]);
    this.#changedAnswers.clear();
    this.#list = undefined;
  }

  #put(list: TranscriptItem[], place: number, item: TranscriptItem): void {
    if (list[place] === item) return;
    list[place] = item;
    this.#isStale = true;
  }

  #append(item: MessageItem): void {
    if (item.replaces !== undefined) this.#list = undefined;
    if (this.#list) this.#push(this.#list, item);
  }

  #push(list: TranscriptItem[], item: MessageItem): void {
    this.#isStale = true;
    this.#messagePlaces.set(item.id, list.push(item) - 1);
    for (const answer of this.#replies.get(item.id) ?? []) {
      this.#answerPlaces.set(answer, list.push(answer.item()) - 1);
    }
  }

  #appendAnswer(answer: Answer, earlier: number): void {
    const list = this.#list;
    const place = this.#messagePlaces.get(answer.replyTo);
    // An answer to what is not shown is not shown either.
    if (!list || place === undefined) return;
    if (place + earlier + 1 !== list.length) {
      this.#list = undefined;
      return;
    }
    this.#isStale = true;
    this.#answerPlaces.set(answer, list.push(answer.item()) - 1);
  }

  #build(): TranscriptItem[] {
    const branch = new Branch<{
      message_id: string;
      replaces: string | undefined;
      item: MessageItem;
    }>();
    for (const item of [...this.#logged.values()].sort((a, b) => a.seq - b.seq)) {
      branch.add({ message_id: item.id, replaces: item.replaces, item });
    }
    for (const item of this.#unsent.values()) {
      // A refused message has taken nobody's place.
      const replaces = item.status === 'failed' ? undefined : item.replaces;
      branch.add({ message_id: item.id, replaces, item });
    }
    this.#messagePlaces.clear();
    this.#answerPlaces.clear();
    const list: TranscriptItem[] = [];
    for (const { item } of branch.messages) this.#push(list, item);
    this.#isStale = true;
    this.#list = list;
    return list;
  }
}
