/** http/routes/users: the people of the staff, as administrators keep them. */
import { z } from 'zod';
import type { Access } from '../../app/access.ts';
import type { PasswordLink as NewLink, Person } from '../../app/users.ts';
import {
  Id,
  InvitedUser,
  PageQuery,
  PasswordLink,
  page,
  type Settings,
  User,
  UserCreate,
  UserPatch,
} from '../../contract/index.ts';
import { presentPage, presentUser } from '../present.ts';
import { type Route, route } from '../route.ts';

const UserPath = z.object({ userId: Id });

export function userRoutes({
  access: { users },
  settings,
}: {
  readonly access: Pick<Access, 'users'>;
  readonly settings: Pick<Settings, 'publicBaseUrl'>;
}): Route[] {
  /** Behind the #, so that it reaches neither a server's log nor another site. */
  const presentLink = ({ token, expiresAt }: NewLink): PasswordLink => ({
    url: `${settings.publicBaseUrl}/set-password#${token}`,
    expiresAt: expiresAt.toISOString(),
  });
  const answer = (user: Person) => ({ status: 200, json: presentUser(user) });

  return [
    route({
      method: 'GET',
      path: '/api/v1/users',
      summary: 'People who may sign in, newest first',
      tag: 'users',
      role: 'ADMIN',
      query: PageQuery,
      responses: { 200: { description: 'A page of people.', schema: page(User) } },
      handle: async ({ query }) => ({
        status: 200,
        json: presentPage(await users.list(query), presentUser),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/users',
      summary: 'Add somebody; they choose a password by the link in the answer',
      tag: 'users',
      role: 'ADMIN',
      body: UserCreate,
      responses: {
        201: { description: 'The person and the link, which is shown once.', schema: InvitedUser },
      },
      problems: ['duplicate_key'],
      handle: async ({ body, caller }) => {
        const { user, link } = await users.create(body, caller.userId);
        return {
          status: 201,
          json: { user: presentUser(user), link: presentLink(link) },
          headers: { location: `/api/v1/users/${user._id}` },
        };
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/users/:userId',
      summary: 'Change a name or role, deactivate or activate; a new role and deactivation end all sessions',
      tag: 'users',
      role: 'ADMIN',
      params: UserPath,
      body: UserPatch,
      responses: { 200: { description: 'The person as they are now.', schema: User } },
      problems: ['not_found', 'last_admin'],
      handle: async ({ params, body, caller }) =>
        answer(await users.change(params.userId, body, caller.userId)),
    }),
    route({
      method: 'POST',
      path: '/api/v1/users/:userId/password-link',
      summary: 'A link by which this person chooses a new password, once, within 24 hours',
      tag: 'users',
      role: 'ADMIN',
      params: UserPath,
      responses: { 201: { description: 'The link; older ones work no more.', schema: PasswordLink } },
      problems: ['not_found'],
      handle: async ({ params, caller }) => ({
        status: 201,
        json: presentLink(await users.linkFor(params.userId, caller.userId)),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/users/:userId/unlock',
      summary: 'Lift the lock that too many failed sign-ins brought',
      tag: 'users',
      role: 'ADMIN',
      params: UserPath,
      responses: { 200: { description: 'The person, free to try again.', schema: User } },
      problems: ['not_found'],
      handle: async ({ params }) => answer(await users.unlock(params.userId)),
    }),
  ];
}
