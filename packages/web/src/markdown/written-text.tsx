/** The agent's words. The one place where they reach the page. */
export function WrittenText({ text }: { readonly text: string }) {
  return text;
}
