import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundle } from './serve-page.ts';

const source = (file: string) =>
  fileURLToPath(new URL(`../../packages/client/src/${file}`, import.meta.url));

test('[R8] the client is under 12 kB, gzipped, and has nothing of React or Node in it', async () => {
  const code = await bundle(source('index.ts'));
  expect(gzipSync(code).length).toBeLessThan(12_000);
  expect(gzipSync(code).length).toBeGreaterThan(5_000);
  expect(code).not.toMatch(/\bfrom\s*["'`]|\bimport\s*\(|\brequire\(|\bprocess\./);
});

test('the hooks bring React from outside, and nothing else', async () => {
  const code = await bundle(source('react.ts'), ['react']);
  const imports = [...code.matchAll(/\bfrom\s*["'`]([^"'`]+)/g)].map(([, name]) => name);
  expect(imports).toEqual(['react']);
  expect(gzipSync(code).length).toBeLessThan(1_500);
});
