/** A way out of the page: marked as one, and honest about where it leads. */
import type { ReactNode } from 'react';
import { useText } from '../text/text.tsx';
import { InlineView } from './inline-view.tsx';
import { type Inline, plainText } from './nodes.ts';
import { destination, isMisleading, type SafeUrl } from './safe-url.ts';

/** Of an address in a tooltip, UTF-16 code units. */
const MAX_TITLE = 200;

export function LinkView({ url, children }: { url: SafeUrl; children: readonly Inline[] }) {
  return (
    <Outward url={url} showsHost={isMisleading(plainText(children), url)}>
      <bdi>
        <InlineView nodes={children} />
      </bdi>
    </Outward>
  );
}

/**
 * An image is never loaded: its address could tell its owner who reads what, and when. It is a link with
 * its alternative text, or where it cannot be opened only that.
 */
export function ImageView({ url, alt }: { readonly url: SafeUrl | undefined; alt: string }) {
  const { text } = useText();
  const label = (
    <>
      <PictureIcon />
      <span className="unseen">{text.markdown.image}: </span>
      <bdi>{alt || text.markdown.image}</bdi>
    </>
  );
  if (url === undefined) return <span className="image">{label}</span>;
  return (
    <Outward url={url} showsHost>
      <span className="image">{label}</span>
    </Outward>
  );
}

interface OutwardProps {
  readonly url: SafeUrl;
  readonly showsHost: boolean;
  readonly children: ReactNode;
}

function Outward({ url, showsHost, children }: OutwardProps) {
  const { text } = useText();
  const title = url.length > MAX_TITLE ? `${url.slice(0, MAX_TITLE)}…` : url;
  return (
    <a
      href={url}
      title={title}
      target="_blank"
      rel="noopener noreferrer nofollow"
      referrerPolicy="no-referrer"
    >
      {children}
      {showsHost && (
        <span className="host" dir="ltr">
          {' '}
          ({destination(url)})
        </span>
      )}
      <OutwardIcon />
      <span className="unseen"> ({text.markdown.opensOutside})</span>
    </a>
  );
}

function OutwardIcon() {
  return (
    <svg className="outward" viewBox="0 0 12 12" aria-hidden="true">
      <path d="M4 2H2v8h8V8M6.5 2H10v3.5M10 2 5.5 6.5" />
    </svg>
  );
}

function PictureIcon() {
  return (
    <svg className="picture" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M2 3h12v10H2zM2 11l3.5-3.5 3 3 2-2L14 12M10.5 6h.01" />
    </svg>
  );
}
