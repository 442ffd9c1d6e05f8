import { Logo } from '../controls/logo.tsx';
import { useText } from '../text/text.tsx';
import type { AgentChoice } from './use-agent-choice.ts';

/** As many agents fit on a phone, the others are in the picker; and as many of their questions. */
const SHOWN = 4;

interface Props {
  readonly agents: AgentChoice;
  readonly isLoading: boolean;
  readonly onAsk: (words: string) => void;
}

/** Where nothing has been said yet: whom one could ask. */
export function Welcome({ agents: { agents, current, choose }, isLoading, onAsk }: Props) {
  const { text } = useText();
  if (isLoading) {
    return (
      <p className="grid min-h-0 flex-1 place-items-center text-sm text-muted">{text.loading}</p>
    );
  }
  const examples = agents.find(({ name }) => name === current)?.examples ?? [];
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex min-h-full max-w-2xl flex-col items-center justify-center gap-6 p-6 text-center">
        <Logo className="size-12" />
        <div className="space-y-2">
          <h2 className="text-2xl font-semibold tracking-tight text-balance">
            {text.conversation.welcome}
          </h2>
          <p className="text-sm text-balance text-muted">{text.conversation.welcomeMore}</p>
        </div>
        {agents.length > 1 && (
          <fieldset className="grid w-full gap-2 sm:grid-cols-2">
            <legend className="sr-only">{text.composer.agent}</legend>
            {agents.slice(0, SHOWN).map(({ name, description }) => (
              <label
                key={name}
                className="cursor-pointer rounded-xl border border-line p-3.5 text-start hover:bg-hover has-checked:border-accent has-checked:bg-tint has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent"
              >
                <input
                  type="radio"
                  name="agent"
                  className="sr-only"
                  checked={name === current}
                  onChange={() => choose(name)}
                />
                <span className="block text-sm font-semibold">{name}</span>
                <span dir="auto" className="line-clamp-2 text-[0.8125rem] leading-snug text-muted">
                  {description}
                </span>
              </label>
            ))}
          </fieldset>
        )}
        {examples.length > 0 && (
          <ul
            aria-label={text.conversation.examples}
            className="flex flex-wrap justify-center gap-2"
          >
            {examples.slice(0, SHOWN).map((example) => (
              <li key={example}>
                <button
                  type="button"
                  dir="auto"
                  className="min-h-9 rounded-full border border-line px-3.5 py-1.5 text-[0.8125rem] hover:bg-hover"
                  onClick={() => onAsk(example)}
                >
                  {example}
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
