/** What the page and the frame that draws diagrams say to each other. */

export interface DiagramRequest {
  readonly type: 'draw';
  readonly source: string;
  readonly dark: boolean;
}

/** How a drawing ends. */
export type DiagramEnd =
  | {
      readonly type: 'drawn';
      readonly svg: string;
      readonly width: number;
      readonly height: number;
    }
  | { readonly type: 'failed'; readonly reason: string };

export type DiagramMessage = DiagramEnd | { readonly type: 'ready' };

export function diagramRequest(source: string, dark: boolean): DiagramRequest {
  return { type: 'draw', source, dark };
}

/** The frame shows what an agent wrote, so that it is not believed either. */
export function isDiagramMessage(data: unknown): data is DiagramMessage {
  if (typeof data !== 'object' || data === null || !('type' in data)) return false;
  const { type } = data;
  if (type === 'ready') return true;
  if (type === 'failed') return 'reason' in data && typeof data.reason === 'string';
  return (
    type === 'drawn' &&
    'svg' in data &&
    typeof data.svg === 'string' &&
    'width' in data &&
    Number.isFinite(data.width) &&
    'height' in data &&
    Number.isFinite(data.height)
  );
}
