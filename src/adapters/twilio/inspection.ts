/** adapters/twilio/inspection: reads the account and its numbers and says, line by line, what would make calls fail. */
import type Twilio from 'twilio/lib/rest/Twilio.js';
import type { Finding } from '../../domain/finding.ts';
import { requestFailure } from './errors.ts';

interface Inspected {
  readonly accountSid: string;
  readonly numbers: readonly string[];
  /** http(s), without a slash at the end. */
  readonly publicBaseUrl: string;
}

/** What a number calls when something happens to it, as we need it, and what is lost otherwise. */
const DOORS = [
  { setting: 'voiceUrl', path: '/twilio/voice', level: 'error', lost: 'inbound calls reach nobody' },
  { setting: 'smsUrl', path: '/twilio/sms', level: 'error', lost: 'a person who texts STOP is not heard' },
  {
    setting: 'statusCallback',
    path: '/twilio/status',
    level: 'warning',
    lost: 'the end of an inbound call is known late, by asking',
  },
  {
    setting: 'voiceFallbackUrl',
    path: '/twilio/fallback',
    level: 'warning',
    lost: 'a caller hears an error message when this service cannot be reached',
  },
] as const;

const bare = (url: string): string => url.replace(/#.*$/, '');

/** Throws only when it is aborted; that the account cannot be read is a finding. `ask` makes one request. */
export async function inspectAccount(
  ask: <T>(request: (client: Twilio) => Promise<T>) => Promise<T>,
  { accountSid, numbers, publicBaseUrl }: Inspected,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const report = (
    level: Finding['level'],
    setting: string,
    found: string,
    wanted: string,
    remedy: string,
  ): void => void findings.push({ level, setting, found: found || 'not set', wanted, remedy });

  try {
    const account = await ask((client) => client.api.v2010.accounts(accountSid).fetch());
    if (account.status !== 'active')
      report('error', 'the Twilio account', account.status, 'active', 'Reactivate it at console.twilio.com.');
    if (account.type === 'Trial')
      report(
        'warning',
        'the Twilio account',
        'a trial account',
        'a paid account',
        'A trial calls verified numbers only, and speaks a notice before each call.',
      );
    for (const number of numbers) {
      const [own] = await ask((client) =>
        client.incomingPhoneNumbers.list({ phoneNumber: number, limit: 1 }),
      );
      if (own?.phoneNumber !== number) {
        report(
          'error',
          `TWILIO_PHONE_NUMBER ${number}`,
          'not a number of this account',
          'a number of this account',
          'Buy or port the number into this account, or leave it out.',
        );
        continue;
      }
      if (!own.capabilities.voice)
        report(
          'error',
          `${number} capabilities`,
          'no voice',
          'voice',
          'Use a number that can make voice calls.',
        );
      if (!own.capabilities.sms)
        report(
          'warning',
          `${number} capabilities`,
          'no SMS',
          'SMS',
          'Texts cannot be sent from this number: use one that can send them, and register it (A2P 10DLC, or toll-free verification).',
        );
      if (own.voiceApplicationSid)
        report(
          'error',
          `${number} voiceApplicationSid`,
          own.voiceApplicationSid,
          'not set',
          'Take the number out of its TwiML app: the app’s addresses are called instead of the number’s.',
        );
      for (const { setting, path, level, lost } of DOORS) {
        const wanted = `${publicBaseUrl}${path}`;
        const found = own[setting] ?? '';
        if (bare(found) !== wanted)
          report(
            level,
            `${number} ${setting}`,
            found,
            wanted,
            `Set it at console.twilio.com; until then ${lost}.`,
          );
      }
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const failure = requestFailure(error);
    const auth = failure.code === 'config_invalid';
    report(
      'error',
      auth ? 'TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN' : 'TWILIO_API_BASE_URL',
      failure.message,
      'the account can be read',
      auth
        ? 'Copy both from the front page of console.twilio.com; an API key will not do.'
        : 'Check the network and https://status.twilio.com, then try again.',
    );
  }
  return findings;
}
