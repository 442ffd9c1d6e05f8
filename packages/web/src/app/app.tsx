import { TextProvider, useText } from '../text/text.tsx';
import { followTheme } from './preferences.ts';

followTheme();

export function App() {
  return (
    <TextProvider>
      <Shell />
    </TextProvider>
  );
}

function Shell() {
  const { text } = useText();
  return <main className="grid h-full place-items-center">{text.newChat}</main>;
}
