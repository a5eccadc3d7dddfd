/** dashboard: what people see of Parley. It knows the contract and fetch, and nothing else of the product. */
import { askEarly } from './early.ts';

// This file is small, so all else is asked for in one go: the app, the longest page beside it, and the data.
const app = import('./app.tsx');
if (/^\/calls\/[0-9a-f]/.test(location.pathname)) import('./pages/call.tsx').catch(() => undefined);
askEarly(location.pathname);
const { start } = await app;
// This file does not wait for the page around it, nor for its sheets.
if (document.readyState === 'loading')
  await new Promise((read) => document.addEventListener('DOMContentLoaded', read, { once: true }));
const root = document.getElementById('root');
if (root) start(root);
