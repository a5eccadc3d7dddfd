/** vite.config: builds the dashboard (src/dashboard) into dist/dashboard, from where the server serves it. */
import { brotliCompressSync, constants } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

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

export default defineConfig({
  root: 'src/dashboard',
  plugins: [react(), finished],
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
          ],
        },
      },
    },
  },
  server: {
    proxy: { '/api': { target: 'http://localhost:3000', ws: true }, '/readyz': 'http://localhost:3000' },
  },
});
