import { type Input, StringInput } from '@lezer/common';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { MarkdownDocument, type View } from '../../packages/web/src/markdown/document.ts';
import { markdownParser } from '../../packages/web/src/markdown/grammar.ts';
import { anyMarkdown, cuts, longAnswer } from './markdown-text.ts';
