/** test/support/consent: what a page that asks rightly sends along with a lead. */

/** Written marketing consent with all its evidence, given to `seller`. */
export const fullConsent = (seller: string) => ({
  method: 'web_form',
  source: 'landing page',
  consentText: `I agree that ${seller} may call me with an artificial voice. Consent is not a condition of any purchase.`,
  automatedCallsAllowed: true,
  textMessagesAllowed: true,
  evidence: {
    purpose: 'marketing' as const,
    level: 'written' as const,
    artificialVoiceDisclosed: true,
    conditionOfPurchaseDisclaimed: true,
    personName: 'Ana Ruiz',
    signature: 'click',
    checkboxPreTicked: false,
    pageUrl: 'https://acme.example/sell',
  },
  ipAddress: '203.0.113.7',
  userAgent: 'Mozilla/5.0',
});
