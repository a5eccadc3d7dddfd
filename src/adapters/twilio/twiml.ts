/** adapters/twilio/twiml: the few documents we ever answer, built with the SDK's writer, which escapes every value. */
import MessagingResponse from 'twilio/lib/twiml/MessagingResponse.js';
import VoiceResponse from 'twilio/lib/twiml/VoiceResponse.js';
import { Failure } from '../../domain/errors.ts';

/** Twilio refuses a stream parameter whose name and value are 500 characters together or more. */
const PARAMETER_LIMIT = 500;

/** XML 1.0 has no place for control characters and half surrogates; a document with one would not be parsed at all. */
const speakable = (text: string) =>
  text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '').trim();

function say(response: VoiceResponse, sentence: string): void {
  const text = speakable(sentence);
  if (text) response.say(text);
}

/**
 * Connects the call to our media stream. The stream's address has no query (Twilio drops it): call and ticket travel as
 * parameters. `action` decides what follows the stream; the words after it are for the case that it is not asked.
 */
export function connectStream(stream: { publicBaseUrl: string; callId: string; token: string }): string {
  const { publicBaseUrl, callId, token } = stream;
  const response = new VoiceResponse();
  const media = response
    .connect({ action: `${publicBaseUrl}/twilio/after/${callId}`, method: 'POST' })
    .stream({
      url: `${publicBaseUrl.replace(/^http/, 'ws')}/twilio/media`,
      statusCallback: `${publicBaseUrl}/twilio/stream/${callId}`,
      statusCallbackMethod: 'POST',
    });
  for (const [name, value] of Object.entries({ callId, token })) {
    if (name.length + value.length >= PARAMETER_LIMIT)
      throw new Failure('internal', `the stream parameter ${name} is too long for the carrier`);
    media.parameter({ name, value });
  }
  say(response, 'We are sorry, the connection was lost. Goodbye.');
  response.hangup();
  return response.toString();
}

export function sayAndHangUp(sentence: string): string {
  const response = new VoiceResponse();
  say(response, sentence);
  response.hangup();
  return response.toString();
}

export const hangUp = (): string => sayAndHangUp('');

/** For a call that is over: Twilio asks, and nobody is there to hear an answer. */
export const nothing = (): string => new VoiceResponse().toString();

/** Speaks, rings a person, and asks `resultUrl` when that ends, so that the caller is not left in silence. */
export function sayAndDial(transfer: {
  sentence: string;
  to: string;
  callerId: string | undefined;
  ringSec: number;
  resultUrl: string;
}): string {
  const response = new VoiceResponse();
  say(response, transfer.sentence);
  response
    .dial({
      action: transfer.resultUrl,
      method: 'POST',
      answerOnBridge: true,
      timeout: transfer.ringSec,
      ...(transfer.callerId === undefined ? {} : { callerId: transfer.callerId }),
    })
    .number(transfer.to);
  return response.toString();
}

/** The answer to a text message; without a reply, silence. */
export function messageReply(reply: string | undefined): string {
  const response = new MessagingResponse();
  const text = speakable(reply ?? '');
  if (text) response.message(text);
  return response.toString();
}
