/** dashboard/ui/row-key: what rows that are drawn, moved and removed are known by. */

let made = 0;
export const newRowKey = (): string => {
  made += 1;
  return `row-${made}`;
};
