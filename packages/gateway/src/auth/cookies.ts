/** Cookies that say who a browser is: signed, kept from scripts, and not sent by other sites' pages. */
import type { Signer } from './signing.ts';

export class SignedCookie {
  readonly #name: string;
  readonly #signer: Signer;

  /** What is signed for one name is nothing under another. */
  constructor(name: string, signer: Signer) {
    this.#name = name;
    this.#signer = signer;
  }

  /** Name, value and age of a `Set-Cookie`. `lifetimeMs`: how long the browser keeps it. */
  set(value: string, lifetimeMs: number): string {
    const seconds = Math.floor(lifetimeMs / 1_000);
    return `${this.#name}=${this.#signer.sign(this.#name, value)}; Max-Age=${seconds}`;
  }

  /** The values of the name in a `Cookie` header that were signed here. */
  read(header = ''): string[] {
    return header.split(';').flatMap((pair) => {
      const [name = '', signed = ''] = pair.trim().split('=', 2);
      return name === this.#name ? (this.#signer.verify(this.#name, signed) ?? []) : [];
    });
  }
}
