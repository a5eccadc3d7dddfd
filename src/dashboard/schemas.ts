/**
 * dashboard/schemas: how the contract's schemas are built in a browser. Zod compiles its object parsers with `new Function`,
 * which the Content-Security-Policy forbids and reports. It reads this setting when a schema is built, so whatever begins
 * a way to the contract imports this first.
 */
import { z } from 'zod';

z.config({ jitless: true });
