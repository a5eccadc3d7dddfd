/** dashboard/ui/may-act: whether whoever is signed in may call and change things. The server decides; this spares clicks. */
import { useQuery } from '@tanstack/react-query';
import { meQuery } from '../queries.ts';

export const useMayAct = (): boolean => {
  const role = useQuery(meQuery).data?.role;
  return role === 'ADMIN' || role === 'ANALYST';
};
