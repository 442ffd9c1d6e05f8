/** The text of an answer as it is; what reads Markdown takes this place. */
export function Markdown({ text }: { text: string; streaming: boolean }) {
  return <div className="whitespace-pre-wrap wrap-anywhere">{text}</div>;
}
