import tailwindcss from '@tailwindcss/vite';
import { defineConfig, type Plugin } from 'vite';

/** KaTeX has each font in three formats; a browser that runs the page takes the first. */
const onlyWoff2: Plugin = {
  name: 'only-woff2',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/katex.min.css')) return undefined;
    return code.replace(/,url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)/g, '');
  },
};

export default defineConfig({
  plugins: [tailwindcss(), onlyWoff2],
  // The gateway serves the page at the root of its origin, so one address for each asset serves
  // `/` and `/s/{id}` alike, and a browser caches it once.
  base: '/',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Nothing inline: the Content-Security-Policy allows scripts, styles and images of one's own only.
    assetsInlineLimit: 0,
    target: 'es2023',
    // `light-dark()` and nesting as they are written.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    rolldownOptions: {
      // diagram.html is the frame in which an agent's diagrams are drawn, apart from the page.
      input: [`${import.meta.dirname}/index.html`, `${import.meta.dirname}/diagram.html`],
      onLog(level, log, handle) {
        // `use client` means something to servers that render React; there is none here.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
  // Grammars are loaded by the worker that highlights, each when it is needed.
  worker: { format: 'es' },
  server: {
    // `npx vite packages/web` beside `npm start`: the page with every change, the gateway behind it.
    proxy: {
      '/api': 'http://127.0.0.1:8080',
      '/ws': { target: 'ws://127.0.0.1:8080', ws: true },
    },
  },
});
