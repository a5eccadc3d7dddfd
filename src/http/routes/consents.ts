/** http/routes/consents: consent as it is given, taken back, looked up and proved. */
import { z } from 'zod';
import {
  ConsentGrant,
  ConsentLog,
  ConsentProof,
  ConsentQuery,
  ConsentRevoke,
  ConsentVerification,
  PhoneText,
  ProofQuery,
  page,
} from '../../contract/index.ts';
import type { Audit } from '../audit.ts';
import type { AppForHttp } from '../needs.ts';
import { presentConsent, presentPage, proofJson } from '../present.ts';
import { PROOF_POLICY, proofPage } from '../proof-page.ts';
import { type Route, route } from '../route.ts';
import { sendPieces } from '../stream.ts';
import { consentGiven, phoneAt, present } from './read.ts';

export function consentRoutes({
  app,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'consents' | 'compliance'>;
  readonly audit: Audit;
}): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/consents',
      summary: 'The log of consents and revocations, newest first',
      tag: 'compliance',
      role: 'USER',
      query: ConsentQuery,
      responses: { 200: { description: 'A page of the log.', schema: page(ConsentLog) } },
      handle: async ({ query }) => {
        const { phone, ...rest } = query;
        const found = await app.consents.list({
          ...rest,
          ...present({ phone: phoneAt('query', 'phone', phone) }),
        });
        return { status: 200, json: presentPage(found, presentConsent) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/consents',
      summary: 'Record a consent with its evidence',
      tag: 'compliance',
      role: 'ANALYST',
      body: ConsentGrant,
      idempotency: 'kept',
      responses: { 201: { description: 'The log entry.', schema: ConsentLog } },
      problems: ['lead_not_found'],
      handle: async ({ body, caller }) => {
        const { phone, leadId, email, ...given } = body;
        const entry = await app.consents.grant(
          { ...consentGiven(given), phone: phoneAt('body', '/phone', phone), ...present({ leadId, email }) },
          caller.userId,
        );
        return { status: 201, json: presentConsent(entry) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/consents/revoke',
      summary: 'Record that a person takes back every consent; holds at once',
      tag: 'compliance',
      role: 'USER',
      body: ConsentRevoke,
      idempotency: 'kept',
      responses: { 201: { description: 'The log entry.', schema: ConsentLog } },
      problems: ['lead_not_found'],
      handle: async ({ body, caller }) => {
        const { phone, words, ...rest } = body;
        const entry = await app.consents.revoke(
          { ...rest, phone: phoneAt('body', '/phone', phone), words: words ?? '' },
          caller.userId,
        );
        return { status: 201, json: presentConsent(entry) };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/consents/verify',
      summary: 'Recompute the hash chain of a number, or of every number',
      tag: 'compliance',
      role: 'USER',
      query: z.strictObject({ phone: z.exactOptional(PhoneText) }),
      responses: { 200: { description: 'Whether the chains hold.', schema: ConsentVerification } },
      handle: async ({ query }) => {
        const phone = phoneAt('query', 'phone', query.phone);
        return { status: 200, json: { ...present({ phone }), ...(await app.consents.verify(phone)) } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/consents/proof',
      summary: 'Everything that shows why a number was, or may be, called, as JSON or as a page to print',
      tag: 'compliance',
      role: 'ANALYST',
      query: ProofQuery,
      responses: { 200: { description: 'The evidence.', schema: ConsentProof, content: ['text/html'] } },
      handle: async ({ query, caller, requestId, request, response }) => {
        const phone = phoneAt('query', 'phone', query.phone);
        const proof = await app.compliance.proof(phone);
        // The log masks the number; the hash names the one document that was handed out.
        audit(
          'consent.proof',
          { caller, requestId },
          { format: query.format, hash: proof.hash, pii: { phone } },
        );
        const [headers, pieces] =
          query.format === 'json'
            ? [{ 'content-type': 'application/json; charset=utf-8' }, proofJson(proof)]
            : [
                { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': PROOF_POLICY },
                proofPage(proof),
              ];
        await sendPieces(request, response, headers, pieces);
        return 'written' as const;
      },
    }),
  ];
}
