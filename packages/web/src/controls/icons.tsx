/** The page's own icons: strokes on a grid of 20, in the colour of the text around them. */
import type { ReactNode } from 'react';

function icon(shape: ReactNode) {
  return function Icon({ className = 'size-5' }: { readonly className?: string }) {
    return (
      <svg
        viewBox="0 0 20 20"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        className={`shrink-0 ${className}`}
      >
        {shape}
      </svg>
    );
  };
}

export const NewChatIcon = icon(
  <path d="M10 4H6a2.5 2.5 0 0 0-2.5 2.5v7A2.5 2.5 0 0 0 6 16h7a2.5 2.5 0 0 0 2.5-2.5V10M9 11l.6-2.4 5.9-5.9 1.8 1.8-5.9 5.9z" />,
);
export const SearchIcon = icon(
  <>
    <circle cx="9" cy="9" r="5" />
    <path d="m13 13 4 4" />
  </>,
);
export const SidebarIcon = icon(
  <>
    <rect x="3" y="4" width="14" height="12" rx="2.5" />
    <path d="M8 4v12" />
  </>,
);
export const MoreIcon = icon(<path d="M5 10h.01M10 10h.01M15 10h.01" strokeWidth="2.4" />);
export const EditIcon = icon(<path d="m4 16 .8-3.6L13.4 3.8l2.8 2.8-8.6 8.6zM11.8 5.4l2.8 2.8" />);
export const DeleteIcon = icon(
  <path d="M4 6h12M8 6V4h4v2m-6.5 0 .7 9.2a1 1 0 0 0 1 .8h5.6a1 1 0 0 0 1-.8L14.5 6M8.5 9v4m3-4v4" />,
);
export const DownloadIcon = icon(<path d="M10 3.5v9m-3.5-3.3 3.5 3.5 3.5-3.5M4 16.5h12" />);
export const CopyIcon = icon(
  <>
    <rect x="7" y="7" width="9.5" height="9.5" rx="2" />
    <path d="M13 7V5.5a2 2 0 0 0-2-2H5.5a2 2 0 0 0-2 2V11a2 2 0 0 0 2 2H7" />
  </>,
);
export const CheckIcon = icon(<path d="m4.5 10.5 3.7 3.7 7.3-8.4" />);
export const StopIcon = icon(
  <rect x="5.5" y="5.5" width="9" height="9" rx="1.5" fill="currentColor" />,
);
export const SendIcon = icon(<path d="M10 16V4.5m-5 5 5-5 5 5" strokeWidth="1.9" />);
export const DownIcon = icon(<path d="M10 4v11.5m-5-5 5 5 5-5" />);
export const AgainIcon = icon(<path d="M15.8 8A6.2 6.2 0 1 0 16 12M16 3.8V8h-4.2" />);
export const CloseIcon = icon(<path d="m5 5 10 10M15 5 5 15" />);
export const ChevronIcon = icon(<path d="m5.5 8 4.5 4.5L14.5 8" />);
export const SettingsIcon = icon(
  <>
    <path d="M3 6h7m4 0h3M3 14h3m4 0h7" />
    <circle cx="12" cy="6" r="2" />
    <circle cx="8" cy="14" r="2" />
  </>,
);
export const KeyboardIcon = icon(
  <>
    <rect x="2.5" y="5" width="15" height="10" rx="2" />
    <path d="M5.5 8.2h.01M8.5 8.2h.01M11.5 8.2h.01M14.5 8.2h.01M7 11.8h6" />
  </>,
);
export const WarningIcon = icon(<path d="M10 3.5 17.5 16h-15zM10 8.5v3.5m0 2.2v.01" />);
export const OfflineIcon = icon(
  <path d="M3 3l14 14M6.2 15h7.6m2.4-1.6A3.2 3.2 0 0 0 14.5 8 4.7 4.7 0 0 0 8 5.6M6 7.7A3.7 3.7 0 0 0 6.2 15" />,
);
export const ToolIcon = icon(
  <path d="M16.3 6.3a4 4 0 0 1-5.3 5l-4.6 4.6a1.6 1.6 0 0 1-2.3-2.3L8.7 9a4 4 0 0 1 5-5.3L11.3 6l.5 2.2 2.2.5z" />,
);
export const ApprovalIcon = icon(
  <path d="M10 2.8 16 5v4.5c0 3.6-2.4 6.3-6 7.7-3.6-1.4-6-4.1-6-7.7V5zM7.5 10l1.9 1.9 3.4-3.7" />,
);
export const PeopleIcon = icon(
  <>
    <circle cx="7.5" cy="7" r="2.7" />
    <path d="M2.5 15.5a5 5 0 0 1 10 0M13 4.7a2.7 2.7 0 0 1 0 4.9m1.8 2.2a5 5 0 0 1 2.7 3.7" />
  </>,
);
export const WorkingIcon = icon(<path d="M10 3a7 7 0 1 0 7 7" />);
