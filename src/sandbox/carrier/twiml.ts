/**
 * carrier/twiml: TwiML text → verbs. Strict: what is not well-formed, or not a verb the sandbox can do, is a
 * `TwimlError` with Twilio's code (12100), never a guess. Attributes nobody knows are kept as warnings (12200).
 */

/** Characters of one document (11750 is the HTTP limit; this guards the inline ones). */
const DOCUMENT_LIMIT = 64 * 1024;
const DEPTH_LIMIT = 8;
/** Name and value of a Stream parameter together (twilio.md §1.1). */
const PARAMETER_LIMIT = 500;

export type StreamVerb = {
  readonly url: string;
  readonly name?: string;
  readonly statusCallback?: string;
  readonly statusCallbackMethod: 'GET' | 'POST';
  readonly parameters: Readonly<Record<string, string>>;
};

export type RecordingVerb = {
  readonly channels: 'mono' | 'dual';
  readonly trim: boolean;
  readonly statusCallback?: string;
  readonly statusCallbackMethod: 'GET' | 'POST';
  readonly statusCallbackEvents: readonly string[];
};

type Next = { readonly action?: string; readonly method: 'GET' | 'POST' };

export type Verb =
  | ({ readonly verb: 'Connect'; readonly stream: StreamVerb } & Next)
  | ({
      readonly verb: 'Dial';
      readonly number: string;
      readonly callerId?: string;
      readonly timeoutMs: number;
      readonly timeLimitMs: number;
    } & Next)
  /** `loop` 0 says it without end. */
  | { readonly verb: 'Say'; readonly text: string; readonly voice?: string; readonly loop: number }
  | { readonly verb: 'Play'; readonly digits: string }
  | { readonly verb: 'Pause'; readonly ms: number }
  | { readonly verb: 'Redirect'; readonly url: string; readonly method: 'GET' | 'POST' }
  | { readonly verb: 'Hangup' }
  | { readonly verb: 'Reject'; readonly reason: 'rejected' | 'busy' }
  | { readonly verb: 'Start'; readonly recording: RecordingVerb }
  | { readonly verb: 'Message'; readonly body: string; readonly to?: string };

export type Twiml = { readonly verbs: readonly Verb[]; readonly warnings: readonly string[] };

/** A document that Twilio would not run. */
export class TwimlError extends Error {
  readonly code: number;
  constructor(message: string, code = 12100) {
    super(message);
    this.code = code;
  }
}

type Element = {
  readonly name: string;
  readonly attributes: Map<string, string>;
  readonly children: Element[];
  text: string;
};

const NAME = /[A-Za-z_][A-Za-z0-9_.:-]*/y;
const SPACE = /\s*/y;
const ATTRIBUTE_VALUE = /"[^"<]*"|'[^'<]*'/y;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&([^;&\s]{0,10};)?/g, (whole, entity: string | undefined) => {
    const name = entity?.slice(0, -1) ?? '';
    const named = NAMED[name];
    if (named !== undefined) return named;
    const numeric = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(name);
    const point =
      numeric === null ? -1 : Number.parseInt(numeric[1] ?? numeric[2] ?? '', numeric[1] ? 16 : 10);
    if (point < 1 || point > 0x10ffff) throw new TwimlError(`unknown entity or raw ampersand at "${whole}"`);
    return String.fromCodePoint(point);
  });
}

/** A strict reader for the part of XML that TwiML uses: elements, attributes, text, CDATA, comments, a prolog. */
function parseXml(source: string): Element {
  if (source.length > DOCUMENT_LIMIT) throw new TwimlError('the document is too long', 11750);
  let at = source.charCodeAt(0) === 0xfeff ? 1 : 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const skipTo = (end: string, what: string): string => {
    const found = source.indexOf(end, at);
    if (found < 0) throw new TwimlError(`${what} has no end`);
    const inside = source.slice(at, found);
    at = found + end.length;
    return inside;
  };
  if (source.startsWith('<?xml', at)) skipTo('?>', 'the XML declaration');

  const open: Element[] = [];
  let root: Element | undefined;
  while (at < source.length) {
    const parent = open.at(-1);
    if (source.startsWith('<!--', at)) {
      at += 4;
      skipTo('-->', 'a comment');
    } else if (source.startsWith('<![CDATA[', at) && parent !== undefined) {
      at += 9;
      parent.text += skipTo(']]>', 'a CDATA section');
    } else if (source.startsWith('</', at)) {
      at += 2;
      const name = take(NAME);
      take(SPACE);
      if (parent === undefined || name !== parent.name || source[at] !== '>') {
        throw new TwimlError(`</${name ?? ''}> closes nothing that is open`);
      }
      at += 1;
      open.pop();
    } else if (source[at] === '<') {
      at += 1;
      const name = take(NAME);
      if (name === undefined) throw new TwimlError(`no element name at character ${at}`);
      const element: Element = { name, attributes: new Map(), children: [], text: '' };
      for (;;) {
        const space = take(SPACE);
        if (source.startsWith('/>', at) || source[at] === '>') break;
        const key = space === '' ? undefined : take(NAME);
        take(SPACE);
        if (key === undefined || source[at] !== '=') throw new TwimlError(`<${name}> is malformed`);
        at += 1;
        take(SPACE);
        const value = take(ATTRIBUTE_VALUE);
        if (value === undefined) throw new TwimlError(`the value of ${key} in <${name}> is malformed`);
        if (element.attributes.has(key)) throw new TwimlError(`${key} stands twice in <${name}>`);
        element.attributes.set(key, decode(value.slice(1, -1)));
      }
      if (parent !== undefined) parent.children.push(element);
      else if (root === undefined) root = element;
      else throw new TwimlError('more than one root element');
      if (source[at] === '/') at += 2;
      else {
        at += 1;
        open.push(element);
        if (open.length > DEPTH_LIMIT) throw new TwimlError('elements are nested too deeply');
      }
    } else {
      const end = source.indexOf('<', at);
      const text = source.slice(at, end < 0 ? source.length : end);
      at += text.length;
      if (parent !== undefined) parent.text += decode(text);
      else if (text.trim() !== '') throw new TwimlError('text outside of the root element');
    }
  }
  const unclosed = open.at(-1);
  if (unclosed !== undefined) throw new TwimlError(`<${unclosed.name}> is never closed`);
  if (root === undefined) throw new TwimlError('the document is empty');
  return root;
}

/** Reads a whole document. Throws `TwimlError`. */
export function parseTwiml(source: string): Twiml {
  const root = parseXml(source);
  if (root.name !== 'Response') throw new TwimlError(`the root is <${root.name}>, not <Response>`);
  const warnings: string[] = [];
  if (root.text.trim() !== '') warnings.push('text between the verbs is ignored');
  return { verbs: root.children.map((child) => verbOf(child, warnings)), warnings };
}

function verbOf(element: Element, warnings: string[]): Verb {
  const { name } = element;
  const text = element.text.trim();
  const attribute = (key: string): string | undefined => element.attributes.get(key);
  const known = (...keys: string[]) => {
    for (const key of element.attributes.keys()) {
      if (!keys.includes(key)) warnings.push(`<${name}> has no attribute ${key}`);
    }
  };
  const only = (...children: string[]) => {
    for (const child of element.children) {
      if (!children.includes(child.name)) throw new TwimlError(`<${child.name}> cannot stand in <${name}>`);
    }
  };
  const count = (key: string, otherwise: number): number => {
    const value = attribute(key);
    if (value === undefined) return otherwise;
    if (!/^\d{1,6}$/.test(value)) throw new TwimlError(`${key} of <${name}> is not a whole number: ${value}`);
    return Number(value);
  };
  const optional = <K extends string>(key: K): { [key in K]?: string } => {
    const value = attribute(key);
    return (value === undefined || value === '' ? {} : { [key]: value }) as { [key in K]?: string };
  };
  const next = (): Next => ({ ...optional('action'), method: methodOf(element, 'method') });

  switch (name) {
    case 'Connect': {
      known('action', 'method');
      only('Stream');
      const [stream, more] = element.children;
      if (stream === undefined || more !== undefined)
        throw new TwimlError('<Connect> needs exactly one <Stream>');
      return { verb: 'Connect', stream: streamOf(stream, warnings), ...next() };
    }
    case 'Dial': {
      known('action', 'method', 'callerId', 'timeout', 'timeLimit', 'answerOnBridge');
      only('Number');
      if (element.children.length > 1) throw new TwimlError('<Dial> can call one <Number> here');
      const number = (element.children[0]?.text ?? element.text).trim();
      if (number === '') throw new TwimlError('<Dial> has nobody to call', 13224);
      return {
        verb: 'Dial',
        number,
        ...optional('callerId'),
        timeoutMs: count('timeout', 30) * 1000,
        timeLimitMs: count('timeLimit', 14_400) * 1000,
        ...next(),
      };
    }
    case 'Say':
      known('voice', 'language', 'loop');
      only();
      return { verb: 'Say', text, ...optional('voice'), loop: count('loop', 1) };
    case 'Play': {
      known('digits', 'loop');
      only();
      const digits = attribute('digits');
      if (digits === undefined)
        throw new TwimlError('<Play> of a file is not in the sandbox; only digits are');
      if (!/^[0-9A-D*#wW]{1,32}$/.test(digits)) throw new TwimlError(`digits cannot be played: ${digits}`);
      return { verb: 'Play', digits };
    }
    case 'Pause':
      known('length');
      only();
      return { verb: 'Pause', ms: count('length', 1) * 1000 };
    case 'Redirect':
      known('method');
      only();
      return { verb: 'Redirect', url: text, method: methodOf(element, 'method') };
    case 'Hangup':
      known();
      only();
      return { verb: 'Hangup' };
    case 'Reject': {
      known('reason');
      only();
      const reason = attribute('reason') ?? 'rejected';
      if (reason !== 'rejected' && reason !== 'busy')
        throw new TwimlError(`<Reject> knows no reason ${reason}`);
      return { verb: 'Reject', reason };
    }
    case 'Start': {
      known();
      only('Recording');
      const [recording, more] = element.children;
      if (recording === undefined || more !== undefined)
        throw new TwimlError('<Start> needs one <Recording>');
      return { verb: 'Start', recording: recordingOf(recording) };
    }
    case 'Message': {
      known('to', 'from', 'action', 'method');
      only('Body');
      const body = element.children[0]?.text.trim() ?? text;
      return { verb: 'Message', body, ...optional('to') };
    }
    default:
      throw new TwimlError(`<${name}> is not a verb`);
  }
}

function methodOf(element: Element, key: string): 'GET' | 'POST' {
  const value = (element.attributes.get(key) ?? 'POST').toUpperCase();
  if (value !== 'GET' && value !== 'POST') throw new TwimlError(`${key} of <${element.name}> is ${value}`);
  return value;
}

function streamOf(stream: Element, warnings: string[]): StreamVerb {
  const known = ['url', 'name', 'track', 'statusCallback', 'statusCallbackMethod'];
  for (const key of stream.attributes.keys()) {
    if (!known.includes(key)) warnings.push(`<Stream> has no attribute ${key}`);
  }
  const url = stream.attributes.get('url') ?? '';
  if (!/^wss?:\/\/[^/\s]+/i.test(url)) throw new TwimlError(`<Stream> needs a wss url, not "${url}"`);
  const track = stream.attributes.get('track');
  if (track !== undefined && track !== 'inbound_track') {
    throw new TwimlError(`a bidirectional <Stream> carries the inbound track only, not ${track}`, 31941);
  }
  const parameters: Record<string, string> = {};
  for (const child of stream.children) {
    const name = child.attributes.get('name');
    const value = child.attributes.get('value');
    if (child.name !== 'Parameter' || name === undefined || value === undefined) {
      throw new TwimlError('<Stream> holds <Parameter name value> only');
    }
    if (name.length + value.length >= PARAMETER_LIMIT) {
      throw new TwimlError(`<Parameter name="${name}"> has ${PARAMETER_LIMIT} characters or more`);
    }
    parameters[name] = value;
  }
  const name = stream.attributes.get('name');
  const statusCallback = stream.attributes.get('statusCallback');
  return {
    url,
    ...(name === undefined ? {} : { name }),
    ...(statusCallback === undefined ? {} : { statusCallback }),
    statusCallbackMethod: methodOf(stream, 'statusCallbackMethod'),
    parameters,
  };
}

function recordingOf(recording: Element): RecordingVerb {
  const statusCallback = recording.attributes.get('recordingStatusCallback');
  const events = recording.attributes.get('recordingStatusCallbackEvent') ?? 'completed';
  return {
    channels: recording.attributes.get('channels') === 'mono' ? 'mono' : 'dual',
    trim: recording.attributes.get('trim') === 'trim-silence',
    ...(statusCallback === undefined ? {} : { statusCallback }),
    statusCallbackMethod: methodOf(recording, 'recordingStatusCallbackMethod'),
    statusCallbackEvents: events.split(/[\s,]+/).filter((event) => event !== ''),
  };
}
