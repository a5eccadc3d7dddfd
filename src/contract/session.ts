/** contract/session: who is signed in, how the service is, and what of its settings people may see. */
import { z } from 'zod';
import { Instant } from './common.ts';

export const Role = z.enum(['ADMIN', 'ANALYST', 'USER']).meta({ id: 'Role' });
export type Role = z.infer<typeof Role>;

/** The token of a printed sign-in link: works once, for 24 hours. */
export const SignIn = z.strictObject({ token: z.string().min(1).max(200) }).meta({ id: 'SignIn' });
export type SignIn = z.infer<typeof SignIn>;

export const Session = z
  .object({
    user: z.object({ id: z.string(), name: z.string() }),
    role: Role,
    via: z.enum(['cookie', 'api_key']),
    /** When the session ends at the latest; absent for an API key. */
    expiresAt: z.exactOptional(Instant),
    /** What a key was made for; absent for people, and for the key of the environment. */
    scopes: z.exactOptional(z.array(z.string())),
    /** Signed in by the printed link, as nobody in particular. */
    byLink: z.exactOptional(z.literal(true)),
    /** And there is nobody yet who signs in with a password. */
    isFirst: z.exactOptional(z.literal(true)),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof Session>;

/** Which vendors are played by the built-in peers. */
export const SandboxFlags = z
  .object({ carrier: z.boolean(), agent: z.boolean() })
  .meta({ id: 'SandboxFlags' });
export type SandboxFlags = z.infer<typeof SandboxFlags>;

export const Health = z.object({ status: z.literal('ok'), uptimeSec: z.number() }).meta({ id: 'Health' });
export type Health = z.infer<typeof Health>;

export const Readiness = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
    sandbox: SandboxFlags,
  })
  .meta({ id: 'Readiness' });
export type Readiness = z.infer<typeof Readiness>;

/** What the dashboard needs to know of the installation. */
export const Settings = z
  .object({
    version: z.string(),
    sellerName: z.string(),
    sandbox: SandboxFlags,
    publicBaseUrl: z.string(),
    fromNumbers: z.array(z.string()),
  })
  .meta({ id: 'Settings' });
export type Settings = z.infer<typeof Settings>;
