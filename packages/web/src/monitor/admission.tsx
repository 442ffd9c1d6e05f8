/** What is shown in the place of the monitor to who may not see it. */
import { Logo } from '../controls/logo.tsx';
import { useWords } from './words.ts';

/** Where the page asks for a token, and comes back from. */
const SIGN_IN = '/monitor/sign-in';

export function Admission({ isKnown }: { readonly isKnown: boolean }) {
  const { words } = useWords();
  const say = words.admission;
  return (
    <main className="grid h-full place-items-center p-4">
      <div className="w-full max-w-md space-y-4 rounded-2xl border border-line bg-raised p-6 shadow-float">
        <h1 className="flex items-center gap-3 text-lg font-semibold">
          <Logo /> {isKnown ? say.refusedTitle : say.unknownTitle}
        </h1>
        <p className="text-sm text-muted">{isKnown ? say.refused : say.unknown}</p>
        <p className="flex flex-wrap gap-2">
          <a
            href={SIGN_IN}
            className="inline-flex min-h-9 items-center rounded-lg bg-accent px-3 text-sm font-medium text-on-accent hover:opacity-90"
          >
            {say.signIn}
          </a>
          <a
            href="/"
            className="inline-flex min-h-9 items-center rounded-lg border border-line px-3 text-sm font-medium hover:bg-hover"
          >
            {say.toChat}
          </a>
        </p>
      </div>
    </main>
  );
}
