/** The page as a person finds their way in it: by roles and names. */
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { openBeside, openPage } from '../helpers/browser.ts';

export class Chat {
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(url: string, options: BrowserContextOptions = {}): Promise<Chat> {
    return new Chat(await openPage(url, options));
  }

  /** Another tab of the same browser. */
  async anotherTab(url = this.page.url()): Promise<Chat> {
    return new Chat(await openBeside(this.page, url));
  }

  get field(): Locator {
    return this.page.getByRole('textbox', { name: 'Message', exact: true });
  }

  get log(): Locator {
    return this.page.getByRole('log');
  }

  /** The answers in view. */
  get answers(): Locator {
    return this.log.locator('article[data-status]');
  }

  answer(status: 'running' | 'queued' | 'complete' | 'cancelled' | 'error' | 'interrupted') {
    return this.log.locator(`article[data-status="${status}"]`);
  }

  /** The questions in view. */
  get questions(): Locator {
    return this.log.getByRole('article', { name: 'You' });
  }

  get chats(): Locator {
    return this.page.getByRole('navigation', { name: 'Chats' });
  }

  /** A chat in the list. */
  chat(title: string): Locator {
    return this.chats.getByRole('listitem').getByRole('link', { name: title });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  async ask(words: string): Promise<void> {
    await this.field.fill(words);
    await this.field.press('Enter');
  }

  /** Asks, and waits for the whole answer. */
  async converse(words: string): Promise<void> {
    const before = await this.answer('complete').count();
    await this.ask(words);
    await this.answer('complete').nth(before).waitFor();
  }

  /** Chooses from the menu of a chat in the list. */
  async choose(title: string, item: string): Promise<void> {
    await this.chat(title).hover();
    await this.button(`Actions for ${title}`).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }

  /** The words of an answer, as they are shown, without what was done between them. */
  async words(answer: Locator): Promise<string> {
    const parts = await answer.locator('[data-answer]').allInnerTexts();
    return parts.map((part) => part.trim()).join(' ');
  }
}

/** What the simulator writes for `tokens=count`. */
export function tokens(count: number): string {
  return Array.from({ length: count }, (_, index) => `t${index + 1}`).join(' ');
}
