/** Runs in the sandboxed frame of diagram.html: draws one diagram and hands back its picture. */
import mermaid from 'mermaid';
import type { DiagramMessage, DiagramRequest } from './diagram-messages.ts';

/** More edges take the layout very long. */
const MAX_EDGES = 300;

addEventListener('message', ({ data, source }: MessageEvent<DiagramRequest>) => {
  if (source !== parent || data?.type !== 'draw') return;
  draw(data).then(answer, (error: unknown) =>
    answer({ type: 'failed', reason: error instanceof Error ? error.message : '' }),
  );
});

function answer(message: DiagramMessage): void {
  // The page's origin is not told to a sandbox; what is said here is no secret.
  parent.postMessage(message, '*');
}

async function draw({ source, dark }: DiagramRequest): Promise<DiagramMessage> {
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    theme: dark ? 'dark' : 'neutral',
    // Labels of HTML would need `<foreignObject>`.
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    maxEdges: MAX_EDGES,
    suppressErrorRendering: true,
    // Directives in the source cannot change these.
    secure: [
      'secure',
      'securityLevel',
      'startOnLoad',
      'maxTextSize',
      'maxEdges',
      'htmlLabels',
      'themeCSS',
      'fontFamily',
      'altFontFamily',
    ],
  });
  const { svg } = await mermaid.render('diagram', source);
  const element = new DOMParser().parseFromString(svg, 'text/html').querySelector('svg');
  if (!element) throw new Error('');
  removeHandlers(element);
  document.body.replaceChildren(element);
  const box = element.viewBox.baseVal;
  const { width, height } = box.width > 0 ? box : element.getBoundingClientRect();
  element.setAttribute('width', String(width));
  element.setAttribute('height', String(height));
  return { type: 'drawn', svg: new XMLSerializer().serializeToString(element), width, height };
}

/** The policy lets none of them run; what is not there need not be kept from it. */
function removeHandlers(root: Element): void {
  for (const element of [root, ...root.querySelectorAll('*')]) {
    for (const name of element.getAttributeNames()) {
      if (/^on/i.test(name)) element.removeAttribute(name);
    }
  }
}

answer({ type: 'ready' });
