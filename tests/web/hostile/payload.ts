export interface Payload {
  readonly name: string;
  readonly text: string;
}

export interface Place {
  /** `http://127.0.0.1:PORT`, where nobody may call. */
  readonly canary: string;
  /** JavaScript that would be noticed if it ran. */
  readonly script: string;
}

/** Payloads from pairs of a name and a text. */
export function named(family: string, texts: readonly string[]): Payload[] {
  return texts.map((text, index) => ({ name: `${family} ${index + 1}`, text }));
}
