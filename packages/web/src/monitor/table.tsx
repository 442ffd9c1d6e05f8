/** A table that can be scrolled sideways where it is wider than the page. */
import type { ReactNode } from 'react';
import { ScrollRegion } from '../controls/scroll-region.tsx';

interface Props {
  readonly label: string;
  readonly columns: readonly { readonly label: string; readonly isNumber?: boolean }[];
  readonly children: ReactNode;
}

export function Table({ label, columns, children }: Props) {
  return (
    <ScrollRegion
      label={label}
      className="overflow-x-auto rounded-2xl border border-line bg-raised"
    >
      <table className="w-full text-sm tabular-nums">
        <thead>
          <tr className="border-b border-line text-xs text-muted">
            {columns.map(({ label: column, isNumber }) => (
              <th
                key={column}
                scope="col"
                className={`px-3 py-2 font-medium whitespace-nowrap first:ps-4 last:pe-4 ${isNumber ? 'text-end' : 'text-start'}`}
              >
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line">{children}</tbody>
      </table>
    </ScrollRegion>
  );
}

interface CellProps {
  readonly isNumber?: boolean;
  readonly className?: string;
  readonly title?: string | undefined;
  readonly children: ReactNode;
}

export function Cell({ isNumber = false, className = '', title, children }: CellProps) {
  return (
    <td
      title={title}
      className={`px-3 py-2 whitespace-nowrap first:ps-4 last:pe-4 ${isNumber ? 'text-end' : ''} ${className}`}
    >
      {children}
    </td>
  );
}

/** What the row is of. */
export function RowHead({ className = '', title, children }: CellProps) {
  return (
    <th
      scope="row"
      title={title}
      className={`py-2 ps-4 pe-3 text-start font-medium whitespace-nowrap ${className}`}
    >
      {children}
    </th>
  );
}
