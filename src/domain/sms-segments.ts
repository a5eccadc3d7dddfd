/**
 * domain/sms-segments: how many parts a text takes on its way, which is what carriers count and bill. A text goes as GSM-7
 * where every character is in that alphabet (3GPP TS 23.038 §6.2.1), as UCS-2 otherwise; one part holds 160 or 70 units, and
 * each of several 153 or 67, for their header takes the rest (3GPP TS 23.040 §9.2.3.24.1). No character is cut in two.
 */

const BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
/** Each takes an escape before it. */
const EXTENDED = new Set('\f^{}\\[~]|€');

const PART = {
  gsm7: { alone: 160, together: 153 },
  ucs2: { alone: 70, together: 67 },
} as const;

export interface Segments {
  readonly encoding: keyof typeof PART;
  readonly count: number;
}

export function segmentsOf(text: string): Segments {
  const characters = [...text];
  const encoding = characters.every((each) => BASIC.has(each) || EXTENDED.has(each)) ? 'gsm7' : 'ucs2';
  const unitsOf = (each: string): number => (encoding === 'ucs2' ? each.length : EXTENDED.has(each) ? 2 : 1);
  const { alone, together } = PART[encoding];
  let units = 0;
  let count = 1;
  let inPart = 0;
  for (const each of characters) {
    const more = unitsOf(each);
    units += more;
    if (inPart + more > together) {
      count += 1;
      inPart = 0;
    }
    inPart += more;
  }
  return { encoding, count: units <= alone ? 1 : count };
}
