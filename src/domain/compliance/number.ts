/**
 * domain/compliance/number: which kind of number may be called at all (reference §8 rows 2 and 3). Metadata of general
 * libraries calls fictional, premium and directory numbers valid, so the numbering plan is spelled out here.
 */
import { parsePhone } from '../phone.ts';
import type { Reason } from './decision.ts';
import { areaCode } from './places.ts';

const TOLL_FREE = new Set('800 822 833 844 855 866 877 880 881 882 883 884 885 886 887 888 889'.split(' '));

/** Personal, machine and carrier-specific codes. 555 is no area code at all. */
const NON_GEOGRAPHIC =
  /^(?:700|710|500|52[1-9]|53[23]|535|538|54[2-79]|550|55[2346]|556|558|566|569|577|578|588|589)$/;

/** Area codes of +1 outside the United States. */
const ABROAD = new Set(
  [
    // Canada
    '204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 487 506 514 519 537 548 568 579 581 584 587 600 604 613 622 633 639 644 647 655 672 677 683 688 705 709 742 753 778 780 782 807 819 825 851 867 871 873 879 902 905 942',
    // Caribbean and Atlantic
    '242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876',
  ]
    .join(' ')
    .split(' '),
);

export interface NumberKind {
  /** Why the number may never be called, or undefined. */
  readonly bar: Reason | undefined;
  /** The number, when it can be read; with a bar it is for reference only. */
  readonly e164: string | undefined;
  /** Its area code, when that is a place in the US. */
  readonly npa: string | undefined;
}

const barred = (bar: Reason, e164?: string): NumberKind => ({ bar, e164, npa: undefined });

const NANP = /^\+1(\d{3})(\d{3})(\d{4})$/;
const WRITTEN = /^\+?[\d\s().-]+$/;

/** Classifies a number as it stands on a lead, E.164 or as people write it. Never throws. */
export function numberKind(text: string): NumberKind {
  const e164 = NANP.test(text) ? text : WRITTEN.test(text) ? parsePhone(text) : undefined;
  if (e164 === undefined) return barred('phone_invalid');
  const [, npa = '', exchange = '', line = ''] = NANP.exec(e164) ?? [];
  if (npa === '') return barred(e164.startsWith('+1') ? 'phone_invalid' : 'phone_not_us', e164);

  const serviceCode = /11$/;
  if (!/^[2-9]/.test(npa) || serviceCode.test(npa)) return barred('phone_invalid', e164);
  if (!/^[2-9]/.test(exchange) || serviceCode.test(exchange)) return barred('phone_invalid', e164);
  if (exchange === '555' && line === '1212') return barred('phone_invalid', e164);

  if (TOLL_FREE.has(npa)) return barred('phone_toll_free', e164);
  if (npa === '900' || exchange === '976') return barred('phone_premium', e164);
  if (NON_GEOGRAPHIC.test(npa)) return barred('phone_non_geographic', e164);
  if (ABROAD.has(npa)) return barred('phone_not_us', e164);
  if (areaCode(npa) === undefined) return barred('phone_invalid', e164);
  if (exchange === '555' && line.startsWith('01')) return { bar: 'phone_fictional', e164, npa };
  return { bar: undefined, e164, npa };
}

/** Is `written` the number `e164`? One that cannot be read may be any number, so it is. */
export const sameNumber = (written: string, e164: string): boolean =>
  written === e164 || (!NANP.test(written) && (numberKind(written).e164 ?? e164) === e164);

/** Part of the rule version. */
export const NUMBER_SOURCE = {
  tollFree: [...TOLL_FREE],
  nonGeographic: NON_GEOGRAPHIC.source,
  abroad: [...ABROAD],
};
