/** Something wide that scrolls sideways, with the keyboard as well, in a page that does not. */
import { type ReactNode, useEffect, useRef, useState } from 'react';

interface ScrollRegionProps {
  /** What it is, for a screen reader. */
  readonly label: string;
  readonly className?: string;
  readonly children: ReactNode;
}

export function ScrollRegion({ label, className = 'scroll-region', children }: ScrollRegionProps) {
  const region = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = region.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
      setScrolls(scrollWidth > clientWidth || scrollHeight > clientHeight);
    });
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);
  // Only what does scroll is a stop for the Tab key.
  const focusable = scrolls ? { tabIndex: 0, role: 'group', 'aria-label': label } : {};
  return (
    <div ref={region} className={className} {...focusable}>
      {children}
    </div>
  );
}
