/** contract: the JSON shapes that the API and the dashboard share. Runs in browsers; knows nothing but zod. */

export * from './access.ts';
export * from './agents.ts';
export * from './analyses.ts';
export * from './analytics.ts';
export * from './calls.ts';
export * from './campaigns.ts';
export * from './common.ts';
export * from './compliance.ts';
export * from './intake.ts';
export * from './knowledge.ts';
export * from './lead-imports.ts';
export * from './leads.ts';
export * from './listening.ts';
export * from './messages.ts';
export * from './properties.ts';
export * from './rates.ts';
export * from './reports.ts';
export * from './retention.ts';
export * from './reviews.ts';
export * from './search.ts';
export * from './session.ts';
export * from './written.ts';
