/**
 * domain/lexicon-words: what the analysis without a model listens for. Every pattern is matched against `normalWords` of one
 * sentence: lower case, no accents, no punctuation, contractions closed up ("dont", "im"). English, and the Spanish that
 * callers in the States use. A pattern earns its line by a sentence that people say; what is doubtful is left out, for a
 * claim that is missing is better than one that is wrong.
 */
import type { Motivation, Timeframe, Topic } from './analysis.ts';

/** A change of any table changes what is found: count it up. */
export const LEXICON_VERSION = 'lexicon 2';

/**
 * Feelings of words, -5..5, where AFINN does not know our field: `0` where a word of feeling is plain business here.
 */
export const VALENCE: Readonly<Record<string, number>> = {
  // Plain business when somebody talks about a house, or answers a question.
  no: 0,
  yes: 0.5,
  yeah: 0.5,
  like: 0,
  // The product's own name, which elsewhere is a talk between enemies.
  parley: 0,
  interest: 0,
  pay: 0,
  cash: 0,
  fair: 0.5,
  fire: 0,
  leak: -1,
  leaks: -1,
  problem: -1,
  died: -1,
  passed: 0,
  death: -1,
  sorry: -0.3,
  please: 0,
  ok: 0.5,
  okay: 0.5,
  matter: 0,
  bother: -1.5,
  free: 0,
  easy: 1,
  share: 0,
  want: 0,
  number: 0,
  stop: -2,
  leave: -0.5,
  demand: 0,
  hello: 0,
  hi: 0,
  thanks: 1,
  thank: 1,
  alone: 0,
  chance: 0.5,
  top: 0,
  pretty: 0,
  vacant: 0,
  debt: -1,
  mistake: -1,
  worth: 0.5,
  // Said by people who are angry with callers.
  scam: -4,
  scammer: -4,
  scammers: -4,
  fraud: -4,
  spam: -3,
  harassing: -4,
  harassment: -4,
  harass: -4,
  robot: -1.5,
  robots: -1.5,
  robocall: -3,
  lawyer: -1,
  attorney: -0.5,
  sue: -3,
  ridiculous: -3,
  lowball: -2.5,
  insulting: -3,
  insult: -3,
  pushy: -2,
  sleazy: -3,
  vultures: -4,
  bastards: -5,
  // Relief and interest.
  interested: 2,
  works: 1.5,
  relief: 2.5,
  appreciate: 2.5,
  perfect: 3,
  wonderful: 3.5,
  sure: 0.7,
  deal: 0.5,
  // Spanish.
  gracias: 1.5,
  bueno: 0.5,
  bien: 1.5,
  perfecto: 3,
  excelente: 3,
  interesa: 2,
  interesado: 2,
  interesada: 2,
  molesten: -3,
  molestando: -3,
  estafa: -4,
  claro: 1.5,
  encantada: 3,
  encantado: 3,
};

/** Feelings of phrases, before their words are looked at; their words do not count again. */
export const PHRASE_VALENCE: readonly (readonly [RegExp, number])[] = [
  [/\bnot (?:really |at all |even )?interested\b/g, -2],
  [/\bno me interesa\b/g, -2],
  [/\bleave (?:me|us) alone\b/g, -4],
  [/\bwaste of (?:my |our )?time\b|\bwasting (?:my|our) time\b/g, -3],
  [/\b(?:sick|tired) (?:and tired )?of (?:you|these|this|all|people)\b/g, -3.5],
  [/\b(?:dont|never|stop) (?:ever )?(?:you )?(?:call|calling|contact|text|texting)\b/g, -2.5],
  [/\bnever again\b/g, -2.5],
  [/\bwhat part of\b/g, -3],
  [/\bhow (?:many times|dare you)\b/g, -3],
  [/\bsounds? (?:good|great|fair|reasonable|perfect|like a plan)\b/g, 2.5],
  [/\bworks (?:for me|great|perfectly)\b/g, 2.5],
  [/\blooking forward\b/g, 3],
  [/\b(?:thats|that is|thats really|thats very) (?:great|good|helpful|nice|kind|perfect)\b/g, 2.5],
  [/\bno (?:problem|worries)\b/g, 1.5],
  [/\bthank you (?:so|very) much\b|\bthanks so much\b/g, 2.5],
  [/\bid (?:love|like) (?:to|that)\b/g, 2],
  [/\bi (?:would|could|might) (?:be )?(?:open|consider|willing)\b/g, 1.2],
  [/\b(?:so|too) good to be true\b/g, -1.5],
  [/\bhung up\b/g, -0.5],
  // Praise that is none: it comes with one of these.
  [
    /\b(?:oh|yeah|wow)(?: \w+){0,2} (?:right|great|wonderful|fantastic|brilliant|lovely|perfect)(?= (?:another|just what|exactly what|one more|how))/g,
    -3,
  ],
  [/\bjust what i (?:need|needed|wanted)\b/g, -2.5],
  [/\byeah right\b/g, -2.5],
  [/\b(?:how|very) (?:generous|thoughtful|kind) of you\b/g, -2.5],
  [/\b(?:best|highlight) (?:part )?of my (?:day|week)\b/g, -2.5],
  [/\bi(?:m| am) (?:so|really) (?:thrilled|excited|honored|flattered)\b/g, -1],
  [/\bgo to hell\b|\bscrew (?:you|off)\b|\bpiss off\b|\bget lost\b|\bf u\b/g, -5],
];

export const NEGATIONS = new Set(
  'not no never dont doesnt didnt cant couldnt wont wouldnt isnt arent wasnt werent aint without hardly barely nothing neither nor ni nunca'.split(
    ' ',
  ),
);
export const INTENSIFIERS: Readonly<Record<string, number>> = {
  very: 1.3,
  really: 1.3,
  so: 1.2,
  extremely: 1.5,
  absolutely: 1.4,
  totally: 1.3,
  super: 1.3,
  too: 1.1,
  muy: 1.3,
  somewhat: 0.6,
  slightly: 0.6,
  kinda: 0.6,
  maybe: 0.6,
};

/** An answering machine, or a service that screens calls, greets like this. */
export const GREETING_OF_MACHINE =
  /\b(?:leave (?:me |us )?(?:a|your|the) (?:brief |detailed |short )?(?:name|message|number)|after the (?:tone|beep)|at the (?:tone|beep)|youve reached the (?:voice ?mail|mailbox)|you have reached|voice ?mail(?:box)?|mailbox is full|not available (?:right now|to take|at the moment)|(?:cant|cannot|unable to) (?:come to|take|get to|answer) (?:the|your|my) (?:phone|call)|record your (?:message|name)|forwarded to (?:an automated|voice)|please state your name|say your name and why|google (?:voice|is recording)|deje su mensaje|despues del tono|buzon)\b/;

export const WRONG_NUMBER =
  /\b(?:wrong (?:number|person|guy|lady|house)|(?:no|nobody|no one) (?:here )?(?:by|with|named|called) (?:that|the)|nobody (?:here )?by that name|theres no \w+ (?:here|at this number)|(?:this is not|this isnt|im not) (?:\w+s? (?:number|phone)|him|her|that person)|(?:never|dont|do not|didnt) (?:even )?own(?:ed)? (?:a|any|that|the|this) (?:house|home|property|place|address)|never heard of (?:him|her|that)|numero equivocado|se equivoco)\b/;

/** Takes back an interest, or never had one. */
export const REFUSAL =
  /\b(?:not (?:really |at all |even |currently )?interested|no interest|not (?:looking|planning|trying|going|willing|wanting) to sell|not selling|wont (?:be )?sell(?:ing)?|(?:dont|do not|never) (?:want|plan|intend) to sell|not for sale|no thanks?(?: you)?$|im (?:good|all set|fine) (?:thanks?|thank you|but)|were (?:good|all set|fine|staying)|(?:already|just) sold (?:it|the house|that house|the place|that)|(?:its|house is|place is|was) (?:already )?sold|staying (?:put|here|right here)|ill pass|hard pass|no me interesa|no quiero vender|no (?:esta|estamos) (?:en venta|vendiendo)|forget it|not happening|no deal)\b/;

/** They want to be called at another time. */
export const CALL_LATER =
  /\b(?:call (?:me |us |him |her |back )*(?:back|again|later|tomorrow|tonight|this|next|on|at|in|after|around|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|(?:try|reach|catch|ring) (?:me |us |him |her )(?:back |again |later|tomorrow|tonight|next|after|in|on)|give (?:me|us|him|her) a (?:call|ring)|call (?:when|once)|talk (?:later|tomorrow|then|next)|(?:another|better|different) time|(?:not|isnt) (?:a )?(?:good|great|the best) time|bad time|(?:im|i am) (?:at work|driving|in a meeting|busy|about to|in the middle|on the other line|walking into|at the doctor|just (?:leaving|heading))|llam\w+ (?:mas tarde|manana|luego|despues|el|a las|por la)|vuelv\w+ a llamar|estoy (?:ocupad\w|trabajando|manejando))\b/;

/** They show that they would sell. */
export const INTEREST =
  /\b(?:(?:im|i am|we are|were|might be|would be|could be|definitely|very|pretty|kind of|somewhat|maybe) (?:definitely |very |pretty |somewhat |kind of |actually |quite |be )?interested|tell me more|thinking (?:about|of) sell(?:ing|in)|thought about selling|(?:want|need|like|love|looking|ready|willing|hoping|have) to (?:sell|get rid of|unload|move on from)|(?:would|might|could|id|wed) (?:be )?(?:open|consider|entertain|think about|sell|listen|look at|hear)|depends (?:on )?(?:the|your|how|what) (?:price|offer|number|much|youre|you)|(?:for|at) the right (?:price|number|offer)|what (?:would|could|can|kind of|sort of) (?:\w+ ){0,3}?(?:offer|pay|give|price|number)|how much (?:would|could|can|are|will|do) you|make me an offer|whats your (?:best |top )?(?:offer|number|price)|what are you offering|im all ears|im listening|me interesa|quisiera vender|queremos vender|quiero vender|estoy interesad\w|cuanto (?:ofrecen|pagan|me dan|pagarian))\b/;

export const AGREES =
  /^(?:(?:oh|um|uh|well|hmm|ok|okay|alright|all right) )*(?:yes|yeah|yep|yup|sure|ok|okay|alright|all right|perfect|great|fine|absolutely|definitely|of course|sounds? (?:good|great|fair|perfect)|that works|works for me|thats (?:fine|good|perfect|great)|that(?:ll| will| would) (?:work|be (?:fine|good|great|perfect))|deal|lets do (?:it|that)|go ahead|please do|si|claro|esta bien|de acuerdo|perfecto|bueno)\b/;

/** They commit to a next step in so many words. */
export const COMMITS =
  /\b(?:lets (?:schedule|set|do|meet|make it|plan|say|go with|book)|(?:you can|feel free to|please|go ahead and|why dont you) (?:come|stop|swing|drop)(?: on)? (?:by|over|out|around|see)|come (?:on )?(?:by|over|take a look|see it|look at)|(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|noon|that|two|three|four|five|nine|ten|eleven|one|\d+)(?: [ap]m)? (?:is|s) (?:fine|good|great|perfect|okay|ok)|^(?:please )?(?:call|try) (?:me|us) (?:again |back )?(?:on |next |tomorrow|monday|tuesday|wednesday|thursday|friday)|(?:somebody|someone|a person|him|her) call me|llameme (?:el|manana)|(?:works|good|fine|perfect|great|ok|okay) (?:for|with|by) (?:me|us)|that works|(?:would|will|should) (?:work|suit|be (?:fine|good|great|perfect))(?: for)? (?:me|us)|see you (?:then|there|on|tomorrow|thursday|friday|saturday|monday|tuesday|wednesday|sunday)|ill (?:be (?:there|here|home|around)|sign|take it|meet you|have (?:it|the)|let you in|send you)|put me down|sign me up|count me in|you(?:ve| have) got (?:a deal|yourself)|we have a deal|its a deal|(?:can|could) (?:come|meet|do) (?:it )?(?:on |at |this |next )?(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|noon|\d)|(?:send|email|text) (?:me|us|it) (?:the|an?|your|that|over|to|some|something|everything|more)|venga|pase por|nos vemos|mandeme|envieme)\b/;

export interface Listened<T> {
  readonly what: T;
  readonly hears: RegExp;
}

/** Why people do not go along; the first that is heard counts. */
export const OBJECTIONS: readonly RegExp[] = [
  // The price.
  /\b(?:too low|lowball\w*|way (?:below|under|less)|not (?:nearly )?enough|(?:its|house is|thats) worth (?:a lot |way |much |far )?more|an insult|insulting|thats a joke|(?:cant|couldnt|wont) (?:go|take|do|accept) (?:that low|less|under|below|anything (?:less|under|below))|what kind of offer|(?:want|need|expect) (?:a lot |way |much )?more than that|give(?: it)? away|(?:half|a fraction) of what (?:its|it is) worth|less than (?:its|it is) worth|muy (?:poco|bajo))\b/,
  // The time.
  /\b(?:not (?:really )?(?:ready|sure)|im not sure|(?:need|want|like) (?:some |more |a little |a few \w+ |to have )?(?:time )?to think|(?:have|got) to think|think (?:about it|it over)|sleep on it|too (?:soon|early|fast)|not (?:right now|at this time|at the moment|yet|this year)|maybe (?:later|next year|in the spring|some ?day)|no rush to|necesito pensar\w*|dejeme pensar\w*|todavia no)\b/,
  // Trust.
  /\b(?:sounds? (?:like a scam|fishy|too good|shady)|is this (?:a scam|legit|for real|a joke|some kind)|how do i know|(?:dont|do not) want anything|(?:dont|cant) (?:really )?trust|who (?:are you people|gave you)|how did you (?:get|find) (?:my|this)|where did you get (?:my|this)|whats the catch|so whats in it for you|es (?:una )?estafa|como consiguio)\b/,
  // A machine is talking.
  /\b(?:(?:talk|speak) (?:to|with) (?:a |an )?(?:real |actual |live )?(?:person|human|someone|somebody|manager)|(?:are you|is this|am i talking to) (?:a |an |some )?(?:real person|robot|bot|machine|computer|ai|recording)|dont (?:talk|deal|speak) (?:to|with) (?:robots|machines|computers|bots|ai))\b/,
  // Somebody else decides, or is on it already.
  /\b(?:(?:have|need|got|want|gotta|ill have|id have|would have|has) to (?:talk|speak|check|ask|discuss|run|consult|go over|clear)(?: \w+){0,4} (?:wife|husband|spouse|partner|brother|sister|siblings|family|kids|mother|mom|father|dad|son|daughter|lawyer|attorney)|(?:talk|ask|check|discuss|run) (?:\w+ ){0,4}(?:my|the|our) (?:wife|husband|spouse|partner|brother|sister|siblings|family|kids|mother|mom|father|dad|son|daughter|lawyer|attorney)|(?:wife|husband|spouse|partner|brother|sister|siblings) (?:wont|doesnt|would never|will never|isnt)|(?:hablar|consultar|preguntar\w*) \w*\s?(?:con|a) mi)\b/,
  /\b(?:already (?:listed|have (?:an? )?(?:agent|realtor|broker|buyer|offer)|under contract|working with)|(?:its|house is|have it|got it|we are|were) listed|(?:have|got|with|using) (?:an? |my |our )(?:agent|realtor|broker)|under contract|pay(?:ing)? (?:a |your |any )?(?:fees?|commissions?))\b/,
  // No wish to sell.
  REFUSAL,
];

export const COMPLAINTS =
  /\b(?:keep (?:on )?calling|called (?:me |us |here )?(?:\w+ )?(?:\d+|three|four|five|six|ten|many|several|multiple|so many) times|(?:\d+|three|four|five|six|tenth|third|fourth|fifth|hundredth|second|millionth)(?:th|rd|nd)? (?:call|time|one) (?:today|this|you|from|now|already)|every (?:single )?day|harass\w*|report(?:ing)? (?:you|this|your)|ill sue|going to sue|call(?:ing)? my lawyer|ridiculous|waste of (?:my )?time|wasting my time|fed up|sick (?:and tired )?of|tired of (?:you|these|this|all)|how many times|bothering (?:me|us)|woke me|scammers|(?:asked|told) you (?:\w+ ){0,3}before|rude|unprofessional|illegal|dejen de molestar|me estan molestando)\b/;

export const MOTIVES: readonly Listened<Motivation>[] = [
  { what: 'probate', hears: /\b(?:probate|the estate|executor|executrix|administrator of)\b/ },
  {
    what: 'inherited',
    hears:
      /\b(?:inherit\w*|(?:mom|mother|dad|father|parents|grandmother|grandma|grandfather|grandpa|aunt|uncle|brother|sister|wife|husband) (?:\w+ ){0,2}?(?:passed|died|left (?:it|the house|us|me))|(?:was|were) my (?:late )?(?:mothers|moms|fathers|dads|parents|grandmothers|grandmas|grandfathers|aunts|uncles)|hered\w+|falleci\w+)\b/,
  },
  { what: 'divorce', hears: /\b(?:divorc\w*|my ex(?: wife| husband)?|separat(?:ed|ion|ing)|splitting up)\b/ },
  {
    what: 'foreclosure',
    hears:
      /\b(?:foreclos\w*|auction (?:date|off)|(?:bank|lender) (?:is )?(?:taking|going to take|wants to take)|behind on (?:the |my |our )?(?:mortgage|payments|house)|missed (?:\w+ ){0,2}payments|notice of default)\b/,
  },
  {
    what: 'financial_hardship',
    hears:
      /\b(?:(?:cant|cannot|can no longer|couldnt) (?:afford|keep up|make)|lost (?:my|his|her) job|laid off|out of work|bankrupt\w*|behind on (?:the |my |our |property )?(?:taxes|bills)|back taxes|tax lien|money (?:is|has been|got) (?:tight|short)|need the money|in debt|medical bills)\b/,
  },
  {
    what: 'relocation',
    hears:
      /\b(?:relocat\w*|(?:moving|move|moved) (?:to|out of|away|back to|closer|across|for (?:work|a job))|job (?:in|transfer|offer in)|transferred to|transferring|new job|nos mudamos|mudar\w*)\b/,
  },
  {
    what: 'downsizing',
    hears:
      /\b(?:downsiz\w*|too (?:big|much house|large) for|(?:house|place) is too (?:big|large)|smaller (?:place|house|home|condo)|empty nest\w*)\b/,
  },
  {
    what: 'tired_landlord',
    hears:
      /\b(?:(?:bad|terrible|awful|nightmare|problem) (?:tenants?|renters?)|(?:tenants?|renters?) (?:\w+ ){0,3}?(?:trash\w*|not paying|dont pay|wont pay|stopped paying|destroyed|left|moved out)|evict\w*|(?:tired|sick|done) (?:of|with|being) (?:\w+ )?(?:landlord\w*|tenants?|renters?|renting|rentals?)|dont want to be a landlord)\b/,
  },
  {
    what: 'vacant',
    hears:
      /\b(?:vacant|(?:sitting|standing|been) (?:there )?empty|nobody (?:lives|living|has lived) (?:there|in it|in the house)|no one (?:lives|living) (?:there|in it)|its empty|house is empty|esta (?:vacia|desocupada))\b/,
  },
  {
    what: 'health',
    hears:
      /\b(?:nursing home|assisted living|(?:hip|knee|heart) (?:surgery|replacement|attack)|(?:had|having) a stroke|cancer|dementia|alzheimers|in the hospital|cant (?:do|climb) (?:the )?stairs|my health|getting (?:too )?old(?:er)?)\b/,
  },
  {
    what: 'costly_repairs',
    hears:
      /\b(?:(?:cant|cannot|couldnt|dont want to|no money to|too expensive to|not going to) (?:afford (?:to )?)?(?:fix|repair|pay for (?:the )?repairs)|repairs (?:are|would be|cost) (?:too|way|more|\w+ thousand)|afford (?:the |to )?(?:repairs?|fix))\b/,
  },
  {
    what: 'time_sensitive',
    hears:
      /\b(?:(?:sell|close|be out|move|done|gone|out|rid of it) (?:\w+ ){0,3}?(?:fast|quick(?:ly)?|soon|asap|right away)|as soon as possible|asap|(?:need|have|want|got) (?:it |this |to be )*(?:sold|gone|out|closed) (?:by|before|within|in)|running out of time|on a deadline|lo antes posible)\b/,
  },
];

export const TIMES: readonly Listened<Timeframe>[] = [
  {
    what: 'no_hurry',
    hears:
      /\b(?:(?:no|not in (?:a|any)|not (?:a )?|in no) (?:big |real |particular |great )?(?:hurry|rush)|whenever|no (?:timeline|deadline)|take (?:my|our) time|sin prisa)\b/,
  },
  {
    what: 'immediate',
    hears:
      /\b(?:as soon as possible|asap|right away|immediately|(?:this|next) week|(?:in|within) (?:a |one |two |a couple (?:of )?)weeks?|yesterday|sooner the better|tomorrow if|lo antes posible)\b/,
  },
  {
    what: '30_days',
    hears:
      /\b(?:(?:thirty|30) days|(?:in|within|about) (?:a|one|the next) month|end of (?:the|this|next) month|next month|(?:three|four|3|4) weeks|un mes)\b/,
  },
  { what: '60_days', hears: /\b(?:(?:sixty|60) days|(?:two|2|a couple (?:of )?|couple) months|dos meses)\b/ },
  {
    what: '90_days',
    hears: /\b(?:(?:ninety|90) days|(?:three|3|few) months|tres meses|end of the year)\b/,
  },
  {
    what: '6_months',
    hears:
      /\b(?:(?:six|6|five|5|four|4) months|half a year|(?:in|by|until|this) (?:the )?(?:spring|summer|fall)|seis meses)\b/,
  },
  {
    what: '1_year',
    hears:
      /\b(?:(?:in|about|within|another) (?:a|one|1|another) year|next year|twelve months|12 months|un ano|proximo ano)\b/,
  },
];
/** A stretch of time is one for selling when the sentence is about that. */
export const ABOUT_SELLING =
  /\b(?:sell|selling|sold|sale|clos(?:e|ing)|mov(?:e|ing)|out|gone|done|rid|hurry|rush|deal|listed?|asap|as soon as|vender|timeline)\b/;
export const ASKS_TIMEFRAME =
  /\b(?:how soon|how quickly|how fast|timeline|time ?frame|timing|when (?:would|do|did|are|were) you (?:\w+ ){0,3}?(?:sell|move|close|like|want|need|hop|look|think)|when are you|cuando (?:quiere|piensa|le gustaria))\b/;

export const HOUSE_CONDITIONS: readonly Listened<'excellent' | 'good' | 'fair' | 'needs_work' | 'poor'>[] = [
  {
    what: 'poor',
    hears:
      /\b(?:falling (?:apart|down)|gutted|unlivable|uninhabitable|condemned|(?:had a|house) fire|fire damage|burn(?:ed|t)|black mold|full of mold|tear ?down|hoarder|foundation (?:\w+ ){0,3}?(?:crack\w*|problem\w*|issue\w*|bad|shot|sinking|going)|(?:terrible|awful|horrible|bad|rough|poor) (?:shape|condition)|(?:its|place is|house is) a (?:wreck|disaster|dump|mess)|trashed|muy mal(?:as)? (?:estado|condiciones)?)\b/,
  },
  {
    what: 'needs_work',
    hears:
      /\b(?:needs? (?:a lot of |some |a little |a bit of |quite some |lots of |tons of |serious |major )?(?:work|repairs?|fixing|updat\w+|tlc|love|paint|renovat\w+|remodel\w+|help)|needs? (?:a )?(?:new|whole new) \w+|fixer|outdated|(?:roof|pipe|basement|ceiling|plumbing)(?: \w+)? (?:leaks?|leaking|is leaking|is shot|is bad|is old|is going|is about)|old roof|water damage|original (?:kitchen|bathroom|everything)|not (?:in )?(?:great|good|the best|perfect) (?:shape|condition)|could use (?:some |a )?(?:work|paint|updat\w+|love)|as is|necesita (?:\w+ )?(?:reparaci\w+|arregl\w+|trabajo|techo))\b/,
  },
  {
    what: 'excellent',
    hears:
      /\b(?:(?:excellent|perfect|pristine|mint|great|immaculate|beautiful|fantastic) (?:shape|condition)|like new|brand new house|completely (?:renovated|remodeled|redone)|just (?:renovated|remodeled)|turn ?key|excelente(?:s)? (?:estado|condiciones))\b/,
  },
  {
    what: 'fair',
    hears:
      /\b(?:(?:decent|ok|okay|fair|average|so so|alright|livable) (?:shape|condition)|not bad|lived in)\b/,
  },
  {
    what: 'good',
    hears:
      /\b(?:(?:good|nice|solid|pretty good|really good) (?:shape|condition)|well (?:kept|maintained|taken care)|move in ready|nothing (?:really )?(?:wrong|needs)|(?:new|just replaced the|replaced the) (?:roof|furnace|windows|kitchen)|(?:recently|newly) (?:renovated|remodeled|updated)|(?:renovated|remodeled|updated) (?:everything|the whole|it all)|taken (?:good|great) care|buen(?:as)? (?:estado|condiciones))\b/,
  },
];

/** What somebody wants for the house. */
export const WANTS_PRICE =
  /\b(?:want|wanted|wanting|need|looking (?:for|at|to get)|hoping|asking|ask|at least|take|accept|sell (?:it |the house )?for|get|expect\w*|price|number|minimum|around|somewhere|thinking|worth|less than|under|below|walk away|net|quiero|pido|pedimos|queremos)\b/;
/** Sums that are not the price they want. */
export const OTHER_SUM =
  /\b(?:owe|owes|owed|mortgage|balance|paid|pay(?:ing)?|bought|buy|taxes|repairs?|roof|fix|quoted?|cost\w*|rent(?:s|ing|ed)?|a month|per month|offered|their offer|zillow|zestimate|apprais\w*|assess\w*|neighbou?r\w*|next door|across the street|down the street|insurance|debe(?:mos)?|hipoteca|square|feet|acres?|street|avenue)\b/;
export const ASKS_PRICE =
  /\b(?:how much (?:are|were|would|do|did) you|what (?:are|were|would|do) you (?:hoping|looking|like|want|asking|expect|need|think)|(?:price|number|figure|amount) (?:in mind|you|that|would|were|are)|asking price|hoping to (?:get|sell)|what price|a price|cuanto (?:quiere|pide|espera|le gustaria))\b/;

/** Facts that a plain yes or no answers: the question, and what a yes means. */
export const OTHER_OFFERS =
  /\b(?:(?:got|have|had|received|getting|gotten) (?:an?|another|other|some|two|three|several|a couple(?: of)?|few|multiple|better|already) (?:\w+ )?(?:offers?|buyers?|investors?|companies)|(?:another|other|better|different|cash) (?:company|companies|investors?|buyers?|offers?|people) (?:\w+ ){0,3}?(?:offer\w*|call\w*|interested|came|gave|wants?|said|looking)|(?:someone|somebody|they|investor|buyer|guy|company|neighbor) (?:\w+ ){0,3}?offered (?:me|us)|offered me|in talks with|other offers|otra oferta|otras ofertas)\b/;
export const NO_OTHER_OFFERS =
  /\b(?:(?:no|not|any|havent (?:had|gotten|got|received)|dont have|never had|without) (?:any )?(?:other )?(?:offers?|buyers)|youre the (?:first|only)|nobody else has|no one else has|ninguna oferta)\b/;
export const ASKS_OTHER_OFFERS =
  /\b(?:(?:any|other|received|had|have|gotten) (?:\w+ )?offers?|other (?:buyers|investors|companies)|talking (?:to|with) (?:anyone|anybody|other)|otras? ofertas?)\b/;
export const HAS_AGENT =
  /\b(?:(?:have|got|hired|with|using|signed with|working with|work with|through) (?:an? |my |our |the )?(?:agent|realtor|broker|real estate agent|listing agent)|my (?:agent|realtor|broker)|(?:its|is|we|have it|had it|got it|already|just|currently) (?:been )?(?:listed|on the market|on the mls)|listed (?:it )?with|tengo (?:un )?agente)\b/;
export const NO_AGENT =
  /\b(?:(?:no|not|dont (?:have|want|need)|without|never|isnt|havent|didnt|wont|not using|not working with)(?: \w+){0,3} (?:agent|realtor|broker|listed|market|mls)|fsbo|for sale by owner|on my own|by (?:myself|owner)|sin agente)\b/;
export const ASKS_AGENT =
  /\b(?:listed|realtor|(?:listing|real estate) agent|an agent|on the market|working with (?:an|a) )\b/;

export const SPOUSE = /\b(?:wife|husband|spouse|fiance|fiancee|esposa|esposo|marido)\b/;
export const FAMILY =
  /\b(?:brothers?|sisters?|siblings?|mom|mother|dad|father|parents|kids|son|daughter|children|family|cousins?|hermanos?|hermanas?|familia)\b/;
export const OTHERS =
  /\b(?:lawyer|attorney|executor|judge|court|trustee|business partner|partners|co owner|bank|abogado)\b/;
export const DECIDES =
  /\b(?:talk|speak|ask|check|discuss|decid\w*|decision|sign|run (?:it|this|that) by|agree\w*|approv\w*|okay it|both (?:of us|on|own|have)|on the (?:deed|title)|co own\w*|own it (?:with|together)|has to|have to|needs? to|say so|on board|together with|in charge|handles?|hablar|consultar|preguntar\w*|firmar|decid\w+)\b/;
export const SOLE =
  /\b(?:(?:its|it is) (?:just|only|all) (?:me|mine|my (?:decision|call|house))|(?:im|i am) (?:the )?(?:only|sole) (?:one|owner|person)|(?:just|only) (?:me|my name|myself)|my (?:own )?(?:decision|call)(?: alone)?$|nobody else|no one else|i (?:make|decide) (?:all )?(?:the )?(?:decisions?|alone|on my own|by myself|it)|(?:house|title|deed|its) (?:is )?in my name|solo yo)\b/;
export const ASKS_DECIDERS =
  /\b(?:anyone else|anybody else|someone else|other (?:owners|decision)|decision maker|(?:make|making) (?:the |this )?decision|on the (?:title|deed)|sole owner|only owner|own it with|alguien mas)\b/;

export const SITE_VISIT =
  /\b(?:site visit|visit|come (?:by|over|out|see|look|take|to (?:the|see|look))|stop by|swing by|drop by|take a (?:quick )?look|walk ?through|see (?:the|your|it|this) (?:house|property|place|home|in person)?|look at (?:the|it|your)|appointment|meet (?:you|me|us|there|at)|tour|inspect\w*|visita\w*|ver la casa|venga)\b/;
export const SENDS_MAIL =
  /\b(?:(?:e ?mail|send) (?:me|us|it|that|something|over|you)(?: \w+){0,6}? ?(?:e ?mail|offer|writing|information|info|details|paperwork|comps|proposal|contract|numbers|something|at)?|in writing|by e ?mail|my e ?mail|correo)\b/;
export const MAIL = /\be ?mail\w*\b|\bin writing\b|\bcorreo\b|\b\w+ at (?:gmail|yahoo|hotmail|outlook|aol)\b/;
export const SENDS_TEXT = /\b(?:text me|text it|send me a text|by text|text (?:you|over)|mensaje de texto)\b/;
export const ASKS_WHEN =
  /\b(?:when|what (?:time|day)|which (?:day|time)|good time|better time|best time|time works|works for you|cuando|a que hora)\b/;

/** What a call was about; the first message in which it is heard counts. */
export const SUBJECTS: readonly Listened<Topic>[] = [
  {
    what: 'property_condition',
    hears:
      /\b(?:condition|shape|repairs?|roof|foundation|plumbing|mold|kitchen|furnace|renovat\w*|remodel\w*|fixer|needs (?:work|a new)|reparaci\w*|techo)\b/,
  },
  {
    what: 'price_negotiation',
    hears:
      /\b(?:price|offer(?:ing|ed)?|worth|thousand|lowball\w*|how much|asking|number in mind|\d{3}k|precio|oferta|ofrecen)\b/,
  },
  {
    what: 'timeline',
    hears:
      /\b(?:how soon|timeline|time ?frame|hurry|rush|(?:thirty|sixty|ninety|30|60|90) days|as soon as possible|asap|by the end of|next (?:month|year)|closing date|close (?:in|by|within|fast|quickly))\b/,
  },
  {
    what: 'site_visit',
    hears:
      /\b(?:site visit|walk ?through|come (?:by|over|out|see|take a look)|stop by|swing by|take a look|see the (?:house|property|place)|appointment|visita)\b/,
  },
  { what: 'mortgage', hears: /\b(?:mortgage|owe|lien|loan|payoff|foreclos\w*|bank|hipoteca)\b/ },
  { what: 'inheritance', hears: /\b(?:inherit\w*|probate|estate|executor|passed away|herencia|hered\w*)\b/ },
  { what: 'tenants', hears: /\b(?:tenants?|renters?|landlord|lease|evict\w*|inquilin\w*)\b/ },
  {
    what: 'other_offers',
    hears: /\b(?:(?:other|another|better) (?:offers?|compan\w+|investors?|buyers?)|otras? ofertas?)\b/,
  },
  {
    what: 'listing_agent',
    hears: /\b(?:realtor|broker|listed|listing|real estate agent|mls|on the market)\b/,
  },
  {
    what: 'decision_makers',
    hears:
      /\b(?:wife|husband|spouse|siblings?|brother|sister|co owner|on the (?:deed|title)|esposa|esposo|hermano|hermana)\b/,
  },
  { what: 'callback', hears: CALL_LATER },
  {
    what: 'company_identity',
    hears:
      /\b(?:who (?:is this|are you|am i|is calling)|what company|which company|who do you work|where are you calling|how did you get|where did you get|legit|scam|quien (?:es|habla)|de parte de quien)\b/,
  },
  {
    what: 'ai_disclosure',
    hears:
      /\b(?:are you (?:a )?(?:real|robot|human|bot|machine)|is this (?:a )?(?:robot|recording|machine|bot|ai)|real person|ai|artificial)\b/,
  },
  {
    what: 'selling_process',
    hears:
      /\b(?:how (?:does|would) (?:it|this|that) work|fees?|commissions?|closing costs?|title company|escrow|as is|paperwork|contract|inspection)\b/,
  },
];

/** Phrases of the field that are kept as keywords where they were said. */
export const KEYWORDS: readonly string[] = [
  'cash offer',
  'site visit',
  'repairs',
  'as is',
  'roof',
  'foundation',
  'mortgage',
  'foreclosure',
  'probate',
  'inherited',
  'divorce',
  'relocating',
  'moving',
  'tenants',
  'landlord',
  'vacant',
  'realtor',
  'listed',
  'offer',
  'price',
  'sell',
  'selling',
  'closing',
  'commission',
  'fees',
  'wife',
  'husband',
  'brother',
  'sister',
  'taxes',
  'thirty days',
  '30 days',
  'call me back',
  'not interested',
  'wrong number',
  'do not call',
  'stop calling',
  'scam',
  'robot',
  'email',
  'contract',
  'appraisal',
  'renovated',
  'basement',
  'nursing home',
  'quick close',
];

/** The caller could not follow. */
export const NOT_HEARD =
  /\b(?:what(?: did you say)?$|(?:can|could) you (?:repeat|say that again|speak up)|say (?:that|it) again|(?:cant|cannot|couldnt|can barely|didnt) (?:hear|understand|catch)|youre (?:breaking up|cutting out)|hello hello|are you (?:still )?there|como dijo|no le entiendo)\b/;
/** The agent takes a stop as one. */
export const HONOURS_STOP =
  /\b(?:no more (?:calls|messages)|(?:wont|will not|never) (?:be )?(?:call\w*|contact\w*|bother\w*)|(?:take|taken|taking|remove|removed|removing|put|added?|adding) (?:you|your|this|that)\b.*\b(?:off|list|number)|do not call|removed?|no (?:le|lo|la) (?:llamar\w+|volver\w+))\b/;

/** Asked for show, not to be answered. */
export const RHETORICAL =
  /\b(?:are you (?:kidding|serious|crazy|nuts|deaf|joking)|you (?:kidding|serious)|you know what|who do you think|what part of|how many times|how dare)\b/;
/**
 * Said to whoever reads the transcript, not to the agent. Nothing but a stop is taken from such a message: it may claim
 * anything.
 */
export const INSTRUCTIONS =
  /\b(?:(?:ignore|disregard|forget) (?:all |any |your |the )*(?:previous|prior|above|earlier)|(?:system|assistant|developer) (?:prompt|message|set|override|instruction)|set (?:the )?(?:outcome|sentiment|score|quality\w*|disposition) to|mark (?:this|the) call|end of (?:the )?transcript|output only|respond only|classify this|you are now|json|as an ai (?:language )?model)\b/;
