/** dashboard/ui/may-act: what whoever is signed in may do. The server decides; this spares clicks. */
import { useQuery } from '@tanstack/react-query';
import type { Role } from '../../contract/index.ts';
import { meQuery } from '../queries.ts';

const RANK: Record<Role, number> = { USER: 0, ANALYST: 1, ADMIN: 2 };

/** Whether the role of whoever is signed in reaches this one. */
export const useMay = (role: Role): boolean => {
  const own = useQuery(meQuery).data?.role;
  return own !== undefined && RANK[own] >= RANK[role];
};

/** Whether whoever is signed in may call people and change leads. */
export const useMayAct = (): boolean => useMay('ANALYST');
