/**
 * What an answer can consist of. The parser's tree is turned into these nodes and into nothing else, so
 * the list is the allow-list: what has no node here cannot be shown, whatever the text says.
 */
import type { SafeUrl } from './safe-url.ts';

export type Align = 'left' | 'center' | 'right' | undefined;

export interface ListItem {
  /** Of a task; `undefined` for an ordinary item. */
  readonly checked: boolean | undefined;
  readonly children: readonly Block[];
}

export type Block =
  | { readonly type: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly type: 'heading'; readonly level: number; readonly children: readonly Inline[] }
  | {
      readonly type: 'code';
      /** The first word after the fence, in small letters; empty where there is none. */
      readonly language: string;
      readonly text: string;
      /** Whether the closing fence is there. */
      readonly closed: boolean;
    }
  | { readonly type: 'math'; readonly source: string }
  | { readonly type: 'quote'; readonly children: readonly Block[] }
  | {
      readonly type: 'list';
      /** The first number of an ordered list; `undefined` for bullets. */
      readonly start: number | undefined;
      readonly tight: boolean;
      readonly items: readonly ListItem[];
    }
  | {
      readonly type: 'table';
      readonly align: readonly Align[];
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly type: 'rule' }
  /** Too deep or too long to be formatted: shown as it was written, and said so. */
  | { readonly type: 'plain'; readonly text: string };

export type Inline =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'code'; readonly text: string }
  | {
      readonly type: 'emphasis' | 'strong' | 'strikethrough';
      readonly children: readonly Inline[];
    }
  | { readonly type: 'link'; readonly url: SafeUrl; readonly children: readonly Inline[] }
  /** `url` is `undefined` where the address is none that may be opened. */
  | { readonly type: 'image'; readonly url: SafeUrl | undefined; readonly alt: string }
  | { readonly type: 'math'; readonly source: string; readonly display: boolean }
  | { readonly type: 'footnote'; readonly label: string }
  | { readonly type: 'break' };

/** The text of some nodes, without their formatting. */
export function plainText(nodes: readonly Inline[]): string {
  return nodes.map(textOf).join('');
}

function textOf(node: Inline): string {
  switch (node.type) {
    case 'text':
    case 'code':
      return node.text;
    case 'emphasis':
    case 'strong':
    case 'strikethrough':
    case 'link':
      return plainText(node.children);
    case 'image':
      return node.alt;
    case 'math':
      return node.source;
    case 'footnote':
      return '';
    case 'break':
      return ' ';
  }
}
