/** dashboard/lead-sources/try-out: a line for a shell that sends to a new source as its program will, the secret filled in. */
import type { CreatedIntakeEndpoint, IntakeSource } from '../../contract/index.ts';

/** Nobody has this number, and the gate denies every call to it. */
const NOBODY = '+12065550100';
const JSON_BODY = `-H 'Content-Type: application/json'`;

/** What comes of it, for whoever sends it. */
const WHAT_COMES: Readonly<Record<IntakeSource, string>> = {
  google_ads: 'It answers “test” and brings in no lead.',
  realgeeks: 'It answers “ignored” and brings in no lead.',
  zillow: 'It brings in a lead that is called Test Lead, with a number that nobody has.',
  web_form: 'It brings in a lead that is called Test Lead, with a number that nobody has.',
  generic: 'It brings in a lead that is called Test Lead, with a number that nobody has.',
};

/** @param url where the source posts to */
export function tryOut(
  { source, secret }: Pick<CreatedIntakeEndpoint, 'source' | 'secret'>,
  url: string,
): { readonly line: string; readonly whatComes: string } {
  const post = `curl -sS '${url}' ${JSON_BODY}`;
  const lead = JSON.stringify({ name: 'Test Lead', phone: NOBODY });
  const lines: Readonly<Record<IntakeSource, string>> = {
    google_ads: `${post} -d '${JSON.stringify({ google_key: secret, is_test: true })}'`,
    // What a lead looked at, which is not taken.
    realgeeks: `${post} -H 'X-Lead-Router-Action: activity_added' -H "X-Lead-Router-Signature: $(printf '{}' | openssl dgst -sha256 -hmac '${secret}' -r | cut -c1-64)" -d '{}'`,
    zillow: `${post} -H 'Authorization: Bearer ${secret}' -d '${lead}'`,
    web_form: `${post} -H 'Authorization: Bearer ${secret}' -d '${lead}'`,
    generic: `${post} -H 'Authorization: Bearer ${secret}' -d '${lead}'`,
  };
  return { line: lines[source], whatComes: WHAT_COMES[source] };
}
