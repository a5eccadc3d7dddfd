/** vite.config: builds the dashboard (src/dashboard) into dist/dashboard, from where the server serves it. */
import { brotliCompressSync, constants } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type HtmlTagDescriptor, type Plugin } from 'vite';

/** Shorter files gain less than a packet. */
const COMPRESSED_FROM_BYTES = 1_400;
/** What every first page needs, and the longest page. */
const AT_ONCE = new Set(['app', 'call', 'common', 'shared']);

/** The last touch to each file: how it is compiled, and itself once more as .br for browsers that are not on this machine. */
const finished: Plugin = {
  name: 'finished',
  apply: 'build',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const file of Object.values(bundle)) {
        // Chromium compiles such a file whole while it comes, beside the page, and not each function when it is first called.
        if (file.type === 'chunk' && AT_ONCE.has(file.name))
          file.code = `//# allFunctionsCalledOnLoad\n${file.code}`;
        const source = Buffer.from(file.type === 'chunk' ? file.code : file.source);
        if (source.length < COMPRESSED_FROM_BYTES || !/^assets\/.*\.(?:js|css)$/.test(file.fileName))
          continue;
        this.emitFile({
          type: 'asset',
          fileName: `${file.fileName}.br`,
          source: brotliCompressSync(source, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }),
        });
      }
    },
  },
};

/** Whatever page is asked for, it is made of the app: the browser learns of all its files from the first one. */
const appAtOnce: Plugin = {
  name: 'app-at-once',
  apply: 'build',
  transformIndexHtml: {
    order: 'post',
    handler(html, { bundle = {} }) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
      const app = chunks.find(({ name }) => name === 'app');
      if (!app) throw new Error('the build made no chunk of the app');
      // Its sheets last, as they are applied.
      const all = [...chunks.filter(({ fileName }) => app.imports.includes(fileName)), app];
      const link = (rel: string, file: string): HtmlTagDescriptor => ({
        tag: 'link',
        attrs: { rel, crossorigin: true, href: `/${file}` },
        injectTo: 'head',
      });
      return [
        ...all.flatMap(({ viteMetadata }) =>
          [...(viteMetadata?.importedCss ?? [])].map((file) => link('stylesheet', file)),
        ),
        ...all
          .filter(({ fileName }) => !html.includes(fileName))
          .map(({ fileName }) => link('modulepreload', fileName)),
      ];
    },
  },
};

export default defineConfig({
  root: 'src/dashboard',
  plugins: [react(), appAtOnce, finished],
  build: {
    outDir: '../../dist/dashboard',
    emptyOutDir: true,
    target: 'es2022',
    // Everything is a file of its own: the Content-Security-Policy allows no data: scripts and no inline ones.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // A hundred small files take longer to come than one: what several pages need comes together. Charts stay apart.
          groups: [
            {
              name: 'shared',
              test: /node_modules[\\/](?!recharts|d3-|victory|@mantine[\\/]charts|immer|redux|reselect|es-toolkit|decimal)/,
              minShareCount: 2,
            },
            // The first file waits for these few lines only.
            { name: 'early', test: /dashboard[\\/]early\.ts$|preload-helper/, priority: 1 },
            // What the frame and most pages are made of.
            { name: 'common', test: /src[\\/](?:dashboard|contract)[\\/]/, minShareCount: 4 },
            // What else every first page waits for.
            {
              name: 'frame',
              test: /dashboard[\\/](?:search|access[\\/]search|schemas|pages[\\/]not-found|ui[\\/]brand)\.tsx?$/,
            },
            // What the page of a call has in common with others.
            {
              name: 'talk',
              test: /dashboard[\\/](?:(?:call|live|message)[\\/]|lead[\\/](?:web-visit|standing)|compliance[\\/]proof-links)/,
              minShareCount: 2,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: { '/api': { target: 'http://localhost:3000', ws: true }, '/readyz': 'http://localhost:3000' },
  },
});
