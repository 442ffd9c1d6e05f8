/** The monitor: what the nodes do, for those who look after them. A page of its own, beside the chat. */
import '../style.css';
import { Tooltip } from 'radix-ui';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { followTheme } from '../app/preferences.ts';
import { TextProvider } from '../text/text.tsx';
import { Monitor } from './monitor.tsx';
import { observe } from './poll.ts';

followTheme();
void observe();
const root = document.getElementById('root');
if (!root) throw new Error('The page has no #root.');
createRoot(root).render(
  <StrictMode>
    <TextProvider>
      <Tooltip.Provider delayDuration={500}>
        <Monitor />
      </Tooltip.Provider>
    </TextProvider>
  </StrictMode>,
);
