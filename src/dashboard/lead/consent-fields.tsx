/** dashboard/lead/consent-fields: what a person agreed to, when and how, and what proves it. */
import { Checkbox, Fieldset, NativeSelect, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import type { LeadConsent, Settings } from '../../contract/index.ts';
import { instantOf } from '../format.ts';
import { LEVELS, METHODS, PURPOSES } from './consent-words.ts';

/** Only what was filled in: the API takes a missing member, not an empty one. */
export function given<T extends Record<string, string>>(values: T): Partial<T> {
  const filled = Object.entries(values).flatMap(([key, value]) =>
    value.trim() ? [[key, value.trim()]] : [],
  );
  return Object.fromEntries(filled) as Partial<T>;
}

/** Date-and-time fields as instants; empty ones are left out. */
function instants<T extends Record<string, string>>(fields: T): Partial<T> {
  return given(
    Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, instantOf(field) ?? ''])),
  ) as Partial<T>;
}

/** As the fields hold it; what is empty is left out of what is sent. */
export interface ConsentDraft {
  readonly text: string;
  readonly textVersion: string;
  readonly level: 'written' | 'oral';
  readonly purpose: 'marketing' | 'informational';
  readonly calls: boolean;
  readonly voice: boolean;
  readonly sms: boolean;
  /** Unticked: what the text itself says counts. */
  readonly disclaimed: boolean;
  readonly seller: string;
  readonly personName: string;
  /** Date-and-time fields. */
  readonly at: string;
  readonly expiresAt: string;
  readonly method: string;
  readonly source: string;
  readonly publisher: string;
  readonly sourceClock: string;
  readonly certificate: string;
  readonly certificateType: string;
  readonly certificateClaimedAt: string;
  readonly certificateRetainedUntil: string;
  readonly sessionId: string;
  readonly signature: string;
  readonly copyUrl: string;
  readonly ticked: '' | 'empty' | 'ticked';
  readonly pageUrl: string;
  readonly ipAddress: string;
  readonly userAgent: string;
  readonly referrer: string;
}

const PRACTICE_TEXT = (seller: string) =>
  `I agree that ${seller} may call me at this number with marketing calls that use an automatic dialer and an artificial voice, including AI-generated voice. Consent is not a condition of purchase.`;

/**
 * In the sandbox the fields come filled in with practice values, and the page says so; with a real carrier nothing is
 * assumed: whoever enters it must have it.
 */
export function blankConsent(settings: Settings | undefined): ConsentDraft {
  const practice = settings?.sandbox.carrier ?? false;
  const seller = settings?.sellerName ?? '';
  return {
    text: practice ? PRACTICE_TEXT(seller) : '',
    textVersion: '',
    level: 'written',
    purpose: 'marketing',
    calls: practice,
    voice: practice,
    sms: false,
    disclaimed: practice,
    seller,
    personName: '',
    at: '',
    expiresAt: '',
    method: practice ? 'sandbox' : 'web_form',
    source: practice ? 'sandbox' : 'dashboard',
    publisher: '',
    sourceClock: '',
    certificate: practice ? 'sandbox' : '',
    certificateType: '',
    certificateClaimedAt: '',
    certificateRetainedUntil: '',
    sessionId: '',
    signature: '',
    copyUrl: '',
    ticked: '',
    pageUrl: practice ? 'https://example.com/contact' : '',
    ipAddress: '',
    userAgent: '',
    referrer: '',
  };
}

export function consentOf(draft: ConsentDraft): LeadConsent {
  return {
    method: draft.method.trim(),
    source: draft.source.trim(),
    ...given({ consentText: draft.text }),
    automatedCallsAllowed: draft.calls,
    textMessagesAllowed: draft.sms,
    ...instants({ at: draft.at, expiresAt: draft.expiresAt }),
    evidence: {
      level: draft.level,
      purpose: draft.purpose,
      artificialVoiceDisclosed: draft.voice,
      ...(draft.disclaimed ? { conditionOfPurchaseDisclaimed: true } : {}),
      ...(draft.ticked === '' ? {} : { checkboxPreTicked: draft.ticked === 'ticked' }),
      ...given({
        seller: draft.seller,
        personName: draft.personName,
        textVersion: draft.textVersion,
        publisher: draft.publisher,
        sourceClock: draft.sourceClock,
        certificate: draft.certificate,
        certificateType: draft.certificateType,
        sessionId: draft.sessionId,
        signature: draft.signature,
        copyUrl: draft.copyUrl,
        pageUrl: draft.pageUrl,
      }),
      ...instants({
        certificateClaimedAt: draft.certificateClaimedAt,
        certificateRetainedUntil: draft.certificateRetainedUntil,
      }),
    },
    ...given({ ipAddress: draft.ipAddress, userAgent: draft.userAgent, referrer: draft.referrer }),
  };
}

const BOXES = [
  { value: '', label: 'There was no box, or it is not known' },
  { value: 'empty', label: 'It started empty' },
  { value: 'ticked', label: 'It started ticked (the gate refuses that)' },
];

const Pair = ({ children }: { children: ReactNode }) => (
  <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
    {children}
  </SimpleGrid>
);

type Flags = 'calls' | 'voice' | 'sms' | 'disclaimed';
type Texts = Exclude<keyof ConsentDraft, Flags | 'level' | 'purpose' | 'ticked'>;

/** `fault` names what the server found wrong with a field, by its pointer within the consent. */
export function ConsentFields({
  draft,
  change,
  fault,
  practice,
}: {
  draft: ConsentDraft;
  change: (draft: ConsentDraft) => void;
  fault: (pointer: string) => string | undefined;
  practice: boolean;
}) {
  const set = (part: Partial<ConsentDraft>) => change({ ...draft, ...part });
  const text = (key: Texts, pointer: string) => ({
    value: draft[key],
    onChange: (event: { currentTarget: { value: string } }) => set({ [key]: event.currentTarget.value }),
    error: fault(pointer),
    autoComplete: 'off',
  });
  const flag = (key: Flags) => ({
    checked: draft[key],
    onChange: (event: { currentTarget: { checked: boolean } }) => set({ [key]: event.currentTarget.checked }),
  });
  return (
    <Stack gap="sm">
      {practice ? <p className="small muted">Sandbox: filled in with practice values.</p> : null}
      <Fieldset legend="What was agreed to">
        <Stack gap="sm">
          <Textarea
            label="Exact wording the person agreed to"
            description="As it stood there, every word. Its hash is kept with it."
            required={draft.level === 'written'}
            autosize
            minRows={3}
            maxLength={5000}
            {...text('text', '/consentText')}
          />
          <Pair>
            <NativeSelect
              label="How binding"
              data={LEVELS}
              value={draft.level}
              onChange={(event) => set({ level: event.currentTarget.value === 'oral' ? 'oral' : 'written' })}
            />
            <NativeSelect
              label="For what"
              data={PURPOSES}
              value={draft.purpose}
              onChange={(event) =>
                set({
                  purpose: event.currentTarget.value === 'informational' ? 'informational' : 'marketing',
                })
              }
            />
          </Pair>
          <Checkbox label="It allows automated calls" {...flag('calls')} />
          <Checkbox
            label="The wording names calls by an artificial voice"
            description="Without it the gate refuses marketing calls by the agent."
            {...flag('voice')}
          />
          <Checkbox
            label="The wording says that consent is no condition of a purchase"
            description="Nobody may have to agree to calls in order to buy or sell, and written marketing consent must say so (47 CFR 64.1200(f)(9)). Tick it when the wording does. Unticked, the gate looks for that sentence in the wording, and refuses calls when it finds none."
            {...flag('disclaimed')}
          />
          <Checkbox label="It allows text messages" {...flag('sms')} />
          <Pair>
            <TextInput label="To whom it was given" {...text('seller', '/evidence/seller')} />
            <TextInput label="Edition of the wording" {...text('textVersion', '/evidence/textVersion')} />
          </Pair>
        </Stack>
      </Fieldset>
      <Fieldset legend="Who, when and how">
        <Stack gap="sm">
          <TextInput
            label="Name of the person"
            description="Empty: the lead's name"
            {...text('personName', '/evidence/personName')}
          />
          <Pair>
            <TextInput label="Given" description="Empty: now" type="datetime-local" {...text('at', '/at')} />
            <TextInput
              label="Ends"
              description="Empty: one year later"
              type="datetime-local"
              {...text('expiresAt', '/expiresAt')}
            />
            <NativeSelect
              label="By which means"
              data={METHODS}
              value={draft.method}
              onChange={(event) => set({ method: event.currentTarget.value })}
              error={fault('/method')}
            />
            <TextInput label="Where it came from" required {...text('source', '/source')} />
          </Pair>
        </Stack>
      </Fieldset>
      <Fieldset legend="Proof">
        <Stack gap="sm">
          <p className="small muted">
            The gate wants one of these: a certificate; a recorded session; a signature with a copy of what
            was signed; or page, IP address and browser together.
          </p>
          <Pair>
            <TextInput
              label="Certificate"
              placeholder="Its id or address"
              {...text('certificate', '/evidence/certificate')}
            />
            <TextInput
              label="Kind of certificate"
              placeholder="TrustedForm, Jornaya, recording"
              {...text('certificateType', '/evidence/certificateType')}
            />
          </Pair>
          <TextInput label="Recorded session" {...text('sessionId', '/evidence/sessionId')} />
          <Pair>
            <TextInput
              label="Signature"
              placeholder="click, or the name as typed"
              {...text('signature', '/evidence/signature')}
            />
            <TextInput
              label="Copy of what was signed"
              type="url"
              placeholder="https://"
              {...text('copyUrl', '/evidence/copyUrl')}
            />
          </Pair>
          <TextInput
            label="Page where it was given"
            type="url"
            placeholder="https://"
            {...text('pageUrl', '/evidence/pageUrl')}
          />
          <Pair>
            <TextInput label="IP address" {...text('ipAddress', '/ipAddress')} />
            <TextInput label="Browser" {...text('userAgent', '/userAgent')} />
          </Pair>
          <details>
            <summary>More evidence</summary>
            <Stack gap="sm" mt="sm">
              <NativeSelect
                label="The box to tick"
                data={BOXES}
                value={draft.ticked}
                onChange={(event) => {
                  const { value } = event.currentTarget;
                  set({ ticked: value === 'empty' || value === 'ticked' ? value : '' });
                }}
              />
              <Pair>
                <TextInput
                  label="Certificate claimed"
                  type="datetime-local"
                  {...text('certificateClaimedAt', '/evidence/certificateClaimedAt')}
                />
                <TextInput
                  label="Certificate kept until"
                  type="datetime-local"
                  {...text('certificateRetainedUntil', '/evidence/certificateRetainedUntil')}
                />
                <TextInput
                  label="Who ran the page"
                  description="Where it was not the seller"
                  {...text('publisher', '/evidence/publisher')}
                />
                <TextInput
                  label="Whose clock"
                  description="That the time was read from"
                  {...text('sourceClock', '/evidence/sourceClock')}
                />
              </Pair>
              <TextInput label="Came from (referrer)" {...text('referrer', '/referrer')} />
            </Stack>
          </details>
        </Stack>
      </Fieldset>
    </Stack>
  );
}
