/** dashboard/dialer: lets any page open "Call a lead", for a certain lead or to choose one. */
import { createContext, useContext } from 'react';

export interface Dialer {
  open(leadId?: string): void;
}

export const DialerContext = createContext<Dialer>({ open: () => undefined });
export const useDialer = (): Dialer => useContext(DialerContext);
