import { Logo } from '../controls/logo.tsx';
import { useText } from '../text/text.tsx';

/** Where nothing has been said yet. */
export function Welcome({ isLoading }: { readonly isLoading: boolean }) {
  const { text } = useText();
  return (
    <div className="grid min-h-0 flex-1 place-items-center overflow-y-auto p-6 text-center">
      {isLoading ? (
        <p className="text-muted">{text.loading}</p>
      ) : (
        <div className="space-y-3">
          <Logo className="mx-auto size-12" />
          <h2 className="text-2xl font-semibold tracking-tight text-balance">
            {text.conversation.welcome}
          </h2>
          <p className="text-sm text-muted">{text.conversation.welcomeMore}</p>
        </div>
      )}
    </div>
  );
}
