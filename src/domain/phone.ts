/** domain/phone: numbers as E.164 strings. Zones and kinds of numbers live with the rules in domain/compliance. */
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

declare const e164: unique symbol;
/** A number in E.164 form, such as "+12065550123". Only `parsePhone` makes one. */
export type E164 = string & { readonly [e164]: true };

/** Reads a number as people write it (US when no country is given); undefined when it is no possible number or has an extension. */
export function parsePhone(text: string): E164 | undefined {
  const parsed = parsePhoneNumberFromString(text, 'US');
  if (!parsed?.isPossible() || parsed.ext) return undefined;
  return parsed.number as string as E164;
}

/** "+12065550123" → "(206) 555-0123"; other countries in international form. For people, never for storage. */
export function formatPhone(phone: string): string {
  const parsed = parsePhoneNumberFromString(phone);
  if (!parsed) return phone;
  return parsed.countryCallingCode === '1' ? parsed.formatNational() : parsed.formatInternational();
}

/** Stands for the number of a lead that has none: readable as no number, and for no two leads the same, or they were one person. */
export const noNumber = (leadId: string): string => `none:${leadId}`;
