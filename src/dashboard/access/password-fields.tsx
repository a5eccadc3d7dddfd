/** dashboard/access/password-fields: choosing a password, twice the same. */
import { PasswordInput } from '@mantine/core';

/** As the server asks for it; the server has the last word. */
const SHORTEST = 12;

/** Whether the two are ready to be sent. */
export const isChosen = (password: string, again: string): boolean =>
  [...password].length >= SHORTEST && password === again;

export function PasswordFields({
  password,
  again,
  change,
  changeAgain,
  error,
  autoFocus = false,
}: {
  password: string;
  again: string;
  change: (text: string) => void;
  changeAgain: (text: string) => void;
  error?: string | undefined;
  autoFocus?: boolean;
}) {
  return (
    <>
      <PasswordInput
        label="New password"
        description={`At least ${SHORTEST} characters. A few words that only you put together are good.`}
        required
        autoComplete="new-password"
        maxLength={72}
        value={password}
        onChange={(event) => change(event.currentTarget.value)}
        error={error}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        {...(autoFocus ? { 'data-autofocus': true } : {})}
      />
      <PasswordInput
        label="The same again"
        required
        autoComplete="new-password"
        maxLength={72}
        value={again}
        onChange={(event) => changeAgain(event.currentTarget.value)}
        error={again !== '' && again !== password ? 'is not the same' : undefined}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the repetition' }}
      />
    </>
  );
}
