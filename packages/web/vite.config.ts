import { defineConfig } from 'vite';

export default defineConfig({
  // The page is served wherever the gateway is mounted.
  base: './',
  // Nothing inline: the Content-Security-Policy allows scripts, styles and images of one's own only.
  build: { outDir: 'dist', emptyOutDir: true, assetsInlineLimit: 0, target: 'es2023' },
});
