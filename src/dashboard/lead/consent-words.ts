/** dashboard/lead/consent-words: how binding a consent is, for what, and by which means it was given. */

export const LEVELS = [
  { value: 'written', label: 'In writing, signed' },
  { value: 'oral', label: 'Spoken' },
];
export const PURPOSES = [
  { value: 'marketing', label: 'Marketing' },
  { value: 'informational', label: 'Information only' },
];
export const METHODS = [
  { value: 'web_form', label: 'Web form' },
  { value: 'paper', label: 'Paper' },
  { value: 'email', label: 'Email' },
  { value: 'sms', label: 'Text message' },
  { value: 'voice', label: 'On the phone' },
  { value: 'in_person', label: 'In person' },
  { value: 'sandbox', label: 'Practice (sandbox)' },
];
