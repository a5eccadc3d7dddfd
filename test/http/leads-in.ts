/** test/http/leads-in: the ways leads come in, served over a store of their own; and what stands for them where they are not asked. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import { createClaims } from '../../src/app/claims.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createContacts } from '../../src/app/contacts.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createErasures } from '../../src/app/erase-person.ts';
import { createIntake } from '../../src/app/intake.ts';
import { createLeadImports } from '../../src/app/lead-imports.ts';
import { createLeads } from '../../src/app/leads.ts';
import { createProperties } from '../../src/app/properties.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import { type Served, serve } from './support.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** With `dashboardDir` the built dashboard is there too. */
export async function serveLeadsIn(dashboardDir?: string) {
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-leads-in-'));
  const store = await openLocalStore({ dir, log: quiet });
  const clock = createClock(quiet);
  const deps = { store, clock, ids: createIds(), log: quiet, sellerName: 'Parley' };
  const dnc = createDnc({ ...deps, stopCallsTo: async () => {} });
  const consents = createConsents({ ...deps, dnc });
  const contacts = createContacts(deps);
  const properties = createProperties(deps);
  const leads = createLeads({ ...deps, consents });
  const shutdown = new AbortController();
  const judging = new Set<Promise<void>>();
  const campaigns = createCampaigns({
    ...deps,
    wantsOther: (id, by) => void judging.add(properties.judgeAllOf(id, by, shutdown.signal)),
  });
  const leadImports = createLeadImports({
    ...deps,
    consents,
    claims: createClaims(deps),
    shutdown: shutdown.signal,
  });
  const intake = createIntake({ ...deps, consents, cameAgain: () => {} });
  const served: Served = await serve(dashboardDir === undefined ? {} : { dashboardDir }, {
    leads,
    leadImports,
    intake,
    contacts,
    properties,
    campaigns,
  });
  const erasures = createErasures({
    ...deps,
    dnc,
    events: createEventLog(deps),
    recordings: { find: async () => undefined, remove: async () => false },
  });
  const erase = (phone: string) => erasures.erase({ phone, reason: 'asked for it' }, 'ada');
  const close = async (): Promise<void> => {
    await served.http.close();
    await leadImports.settled();
    await Promise.all(judging);
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  };
  return { ...served, store, erase, close };
}
