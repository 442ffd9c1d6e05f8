import type { AgentInfo } from '@parley/client';
import { useRef } from 'react';
import { ChevronIcon } from '../controls/icons.tsx';
import { Menu, MenuChoice, MenuHeading } from '../controls/menu.tsx';
import { useText } from '../text/text.tsx';
import type { AgentChoice } from './use-agent-choice.ts';

interface Props {
  readonly choice: AgentChoice;
  /** The keyboard goes on where one writes. */
  readonly onChosen: () => void;
}

export function AgentPicker({ choice, onChosen }: Props) {
  const { text } = useText();
  const { agents, current, isMissing, status, choose } = choice;
  const hasChosen = useRef(false);
  const name = isMissing && current ? text.composer.agentMissing(current) : current;
  if (status === 'failed' && agents.length === 0) {
    return <p className="px-2 text-xs text-muted">{text.composer.agentsFailed}</p>;
  }
  return (
    <Menu
      align="start"
      side="top"
      onCloseAutoFocus={(event) => {
        if (!hasChosen.current) return;
        hasChosen.current = false;
        event.preventDefault();
        onChosen();
      }}
      className="w-[min(24rem,calc(100vw-1.5rem))]"
      trigger={
        <button
          type="button"
          disabled={agents.length === 0}
          aria-label={text.composer.agentNow(name ?? text.conversation.agent)}
          className={`flex h-9 min-w-0 items-center gap-1 rounded-lg px-2.5 text-sm hover:bg-hover hover:text-ink disabled:opacity-50 ${isMissing ? 'text-warning' : 'text-muted'}`}
        >
          <span className="truncate">{name ?? text.conversation.agent}</span>
          <ChevronIcon className="size-4" />
        </button>
      }
    >
      <MenuHeading>{text.composer.agent}</MenuHeading>
      <MenuChoice
        label={text.composer.agent}
        value={current ?? ''}
        onChoose={(chosen) => {
          hasChosen.current = true;
          choose(chosen);
        }}
        options={agents.map((agent) => ({
          value: agent.name,
          content: <Description agent={agent} />,
        }))}
      />
    </Menu>
  );
}

function Description({ agent }: { readonly agent: AgentInfo }) {
  return (
    <span className="block py-0.5">
      <span className="block font-medium">{agent.name}</span>
      <span dir="auto" className="block text-[0.8125rem] leading-snug text-muted">
        {agent.description}
      </span>
      {agent.capabilities.length > 0 && (
        <span className="mt-1 flex flex-wrap gap-1">
          {agent.capabilities.map((capability) => (
            <span key={capability} className="rounded-md bg-sunken px-1.5 py-px text-xs text-muted">
              {capability}
            </span>
          ))}
        </span>
      )}
    </span>
  );
}
