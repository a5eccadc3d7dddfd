/** test/support/messages: what the app needs for texts and e-mails, for tests that are about something else. */
import { readFileSync } from 'node:fs';
import { readTemplates, type TemplateWording } from '../../src/app/message-templates.ts';
import type { MessagesHouse } from '../../src/app/messages.ts';
import type { Messenger } from '../../src/app/ports.ts';
import { Failure } from '../../src/domain/errors.ts';

/** Nobody can be reached by it. */
export const noMessenger: Messenger = {
  sendSms: async () => {
    throw new Failure('message_unavailable', 'there is no carrier');
  },
  textsTo: async () => ({ texts: [], complete: false }),
};

export const messagesHouse = (sellerName: string, publicBaseUrl = 'https://parley.test'): MessagesHouse => ({
  sender: {
    sellerName,
    sellerAddress: '100 Main Street, Tampa, FL 33602',
    callbackNumber: '(212) 555-0190',
  },
  publicBaseUrl,
  secret: 'a-secret-of-the-tests-that-nobody-knows',
  templates: [],
});

/** The templates that come with the product. */
export const shippedTemplates = (sellerName: string): readonly TemplateWording[] =>
  readTemplates((file) => readFileSync(file, 'utf8'), messagesHouse(sellerName).sender);
