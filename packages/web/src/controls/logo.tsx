/** Two speech bubbles, one answering the other: the same drawing as `public/icon.svg`. */
export function Logo({ className = 'size-7' }: { readonly className?: string }) {
  return <img src="/icon.svg" alt="" className={className} />;
}
