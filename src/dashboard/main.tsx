/** dashboard: what people see of Parley. It knows the contract and fetch, and nothing else of the product. */
import { createRoot } from 'react-dom/client';
import { z } from 'zod';

// Zod compiles its object parsers with `new Function`, which the Content-Security-Policy forbids and reports. It reads
// this setting when a schema is built, so the app, which imports the contract's schemas, is loaded after it.
z.config({ jitless: true });

const root = document.getElementById('root');
if (root) {
  // The longest page is asked for beside the app that shows it, not behind it.
  if (/^\/calls\/[0-9a-f]/.test(location.pathname)) import('./pages/call.tsx').catch(() => undefined);
  const { App } = await import('./app.tsx');
  createRoot(root).render(<App />);
}
