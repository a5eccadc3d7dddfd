/** vite.config: builds the dashboard (src/dashboard) into dist/dashboard, from where the server serves it. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'src/dashboard',
  plugins: [react()],
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
          ],
        },
      },
    },
  },
  server: {
    proxy: { '/api': { target: 'http://localhost:3000', ws: true }, '/readyz': 'http://localhost:3000' },
  },
});
