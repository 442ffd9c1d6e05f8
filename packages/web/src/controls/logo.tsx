/**
 * Two speech bubbles, one answering the other: the drawing of `public/icon.svg`. In the page itself, so
 * that it is there without a connection too.
 */
export function Logo({ className = 'size-7' }: { readonly className?: string }) {
  return (
    <svg viewBox="0 0 32 32" fill="none" aria-hidden="true" className={className}>
      <rect width="32" height="32" rx="8" fill="#0b6b63" />
      <path
        d="M8 9.5h11a3 3 0 0 1 3 3v3a3 3 0 0 1-3 3h-5.5L9.6 21.6A1 1 0 0 1 8 20.8z"
        fill="#fff"
      />
      <path
        d="M16.5 21h4l2.9 2.6a.9.9 0 0 0 1.6-.6v-8.2"
        stroke="#9fe0d3"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
