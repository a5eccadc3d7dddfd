/**
 * domain/compliance/revocation: do these words take consent back (64.1200(a)(10); reference §1.5)? English and Spanish.
 * Wrongly hearing a stop costs one lead; missing one breaks the law, so doubtful phrases count as a stop.
 */

/** A stop when they are the whole message or utterance, give or take courtesies. The first seven are the law's own. */
const WORDS = [
  'stop',
  'quit',
  'end',
  'revoke',
  'opt out',
  'cancel',
  'unsubscribe',
  'optout',
  'stop all',
  'stopall',
  'remove',
  'remove me',
  'no more',
  'do not contact',
  'dnc',
  'alto',
  'pare',
  'paren',
  'parar',
  'para',
  'basta',
  'detener',
  'deten',
  'detente',
  'cancelar',
  'cancele',
  'cancela',
  'salir',
  'baja',
  'dar de baja',
  'darme de baja',
  'revocar',
  'revoco',
  'no mas',
  'fin',
  'terminar',
];

const COURTESIES =
  /\b(?:please|pls|plz|now|right now|immediately|thanks|thank you|no|ok|okay|hey|hello|hi|it|this|just|i said|sir|maam|por favor|gracias|ya|ahora|hola|oiga|senor|senora|senorita)\b/g;

/** A stop wherever they occur. Written after `plain`: lower case, no accents, no punctuation, contractions closed up. */
const PHRASES = [
  /\b(?:stop|quit|cease) (?:\w+ ){0,2}?(?:calling|calls|texting|texts|messaging|messages|contacting|contact|bothering|harassing|phoning)\b/,
  /\b(?:dont|do not|never|never to|not to|stop trying to) (?:you )?(?:ever )?(?:call|phone|text|message|contact|ring|bother) (?:me|us|here|this|my|back|again|anymore|any)\b/,
  /\b(?:dont|do not|never) (?:ever )?(?:call|text|contact)$/,
  /\bno more (?:calls|texts|messages|phone calls)\b/,
  /\b(?:remove|delete|erase|take|get|scratch) (?:me|us|my (?:\w+ ){0,2}?(?:number|name|phone|info|information)|this number)\b(?: \w+){0,2}? ?(?:off|from|out)\b/,
  /\b(?:remove|delete|erase|lose) (?:me|my (?:\w+ )?number|this number)\b/,
  /\btake (?:me|us|my (?:\w+ )?number|my name|this number) off\b/,
  /\b(?:do not call|dont call|no call|dnc) list\b/,
  /\bopt(?:ing|ed)? (?:\w+ )?out\b/,
  /\bunsubscribe (?:me|us|this|from)\b/,
  /\b(?:revoke|withdraw|cancel|take back) (?:my |our |all |any )*consent\b/,
  /\bwrong number\b/,
  /\bleave (?:me|us) alone\b/,
  /\bcease and desist\b/,
  /\b(?:dont|do not) (?:want|wish) (?:\w+ ){0,3}?(?:calls|texts|messages|called|contacted|phoned)\b/,
  /\bno (?:me|nos|le|la|lo) (?:vuelvan? a |vuelvas a )?(?:llam\w+|escrib\w+|contact\w+|molest\w+|mand\w+|envi\w+)\b/,
  /\bno (?:vuelvan?|vuelvas) a (?:llam\w+|escrib\w+|contact\w+|molest\w+)\b/,
  /\bno llam(?:ar|e|en|es)\b/,
  /\b(?:dej\w+|par\w+) de (?:llam\w+|escrib\w+|molest\w+|contact\w+|mand\w+|envi\w+)\b/,
  /\bno (?:mas|quiero (?:\w+ ){0,3}?(?:llamadas|mensajes|textos))\b/,
  /\bno quiero (?:\w+ ){0,2}?(?:llamen|llame|contacten|escriban)\b/,
  /\b(?:quit|sac|saqu|borr|elimin)\w*me\b/,
  /\b(?:quit\w+|saqu\w+|sac\w+|borr\w+|elimin\w+) (?:mi|este) (?:numero|nombre|telefono)\b/,
  /\bnumero equivocado\b|\bse equivoc\w+ de numero\b/,
  /\bdej\w*(?:me|nos) en paz\b/,
  /\b(?:denme|deme|dame|darme) de baja\b/,
  /\b(?:revoco|revocar|retiro|retirar|cancelo) (?:mi |el )?consentimiento\b/,
];

/** Lower case, accents and punctuation gone, "don't" → "dont", spaces single. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/['’`´]/g, '')
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim();

const WHOLE = new Set(WORDS);

/** True when a message or an utterance asks us to stop. At most the first 2,000 characters are read. */
export function revokes(text: string): boolean {
  const words = plain(text.slice(0, 2_000));
  if (words === '') return false;
  if (WHOLE.has(words) || PHRASES.some((phrase) => phrase.test(words))) return true;
  const bare = squeeze(words.replace(COURTESIES, ' '));
  if (WHOLE.has(bare)) return true;
  // "Stop. Stop!" and "stop stop stop"
  const [first] = bare.split(' ');
  return (
    first !== undefined && first !== '' && WHOLE.has(first) && bare.split(' ').every((word) => word === first)
  );
}
