import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig, type HtmlTagDescriptor, type Plugin } from 'vite';

/** KaTeX has each font in three formats; a browser that runs the page takes the first. */
const onlyWoff2: Plugin = {
  name: 'only-woff2',
  enforce: 'pre',
  transform(code, id) {
    if (!id.endsWith('/katex.min.css')) return undefined;
    return code.replace(/,url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)/g, '');
  },
};

/** A smaller file is not worth another one beside it, bytes. */
const LEAST_BYTES = 1_024;

/** Puts a compressed file beside each that gains by it; the gateway sends that to whoever takes it. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  async writeBundle({ dir = '' }) {
    const files = await readdir(dir, { recursive: true });
    await Promise.all(
      files
        .filter((file) => /\.(?:js|css|html|svg)$/.test(file))
        .map(async (file) => {
          const path = join(dir, file);
          const content = await readFile(path);
          if (content.length < LEAST_BYTES) return;
          // One step below the highest, which takes many times as long for a per cent.
          const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
          await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params }));
          await writeFile(`${path}.gz`, await promisify(gzip)(content));
        }),
    );
  },
};

/** The browser is told of what draws the page with the page itself, not when the first script asks for it. */
const preloaded: Plugin = {
  name: 'preloaded',
  transformIndexHtml: {
    order: 'post',
    handler(html, { path, bundle = {} }) {
      const file = Object.values(bundle).find(({ name }) => name === 'page');
      if (path !== '/index.html' || file?.type !== 'chunk') return [];
      const scripts = [file.fileName, ...file.imports].filter((name) => !html.includes(name));
      const link = (rel: string, name: string): HtmlTagDescriptor => ({
        tag: 'link',
        attrs: { rel, crossorigin: true, href: `/${name}` },
        injectTo: 'head',
      });
      const styles = [...(file.viteMetadata?.importedCss ?? [])];
      return [
        ...scripts.map((script) => link('modulepreload', script)),
        ...styles.map((style) => link('stylesheet', style)),
      ];
    },
  },
};

export default defineConfig({
  plugins: [tailwindcss(), onlyWoff2, compressed, preloaded],
  // The gateway serves the page at the root of its origin, so one address for each asset serves
  // `/` and `/s/{id}` alike, and a browser caches it once.
  base: '/',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Nothing inline: the Content-Security-Policy allows scripts, styles and images of one's own only.
    assetsInlineLimit: 0,
    // A part of Mermaid, which is loaded when somebody asks for a diagram, is by far the largest.
    // What everyone loads has a bound of its own: tests/web/first-load.test.ts.
    chunkSizeWarningLimit: 1_600,
    target: 'es2023',
    // `light-dark()` and nesting as they are written.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    rolldownOptions: {
      // Where the time went is said on slow machines only, and is nothing for whoever starts the server.
      checks: { bundlerTimings: false },
      // diagram.html is the frame in which an agent's diagrams are drawn, monitor.html is for
      // administrators: both apart from the page.
      input: ['index', 'diagram', 'monitor'].map((name) => `${import.meta.dirname}/${name}.html`),
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
