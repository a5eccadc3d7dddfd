/** What people make of a call: each change is theirs alone, and a call is somebody's to review until somebody says otherwise. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Assignee,
  type Judged,
  judged,
  mayReview,
  REVIEW_STATUSES,
  type Reviewer,
  unreviewed,
} from '../../src/domain/review.ts';

const T0 = Date.UTC(2026, 10, 20);
const BOSS: Reviewer = { id: 'boss', name: 'Boss', isAdmin: true };
const fresh = unreviewed('a'.repeat(24), new Date(T0));

const person: fc.Arbitrary<Assignee> = fc.constantFrom(
  { id: 'ada', name: 'Ada' },
  { id: 'bo', name: 'Bo' },
  { id: 'cy', name: 'Ada' },
);
const judgement: fc.Arbitrary<Judged> = fc.record(
  {
    status: fc.constantFrom(...REVIEW_STATUSES),
    tags: fc.array(fc.constantFrom('price', ' Price', 'coaching'), { maxLength: 3 }),
    addTags: fc.array(fc.constantFrom('roof', 'price'), { maxLength: 2 }),
    removeTags: fc.array(fc.constantFrom('roof', 'price'), { maxLength: 2 }),
    assignee: fc.option(person, { nil: null }),
  },
  { requiredKeys: [] },
);

const OF_ASSIGNMENT = ['assignedTo', 'assignedToName', 'assignedBy', 'assignedAt'];

test('whoever was named last has the call, with who gave it and when, whatever else is made of it', () => {
  fc.assert(
    fc.property(fc.array(judgement, { maxLength: 8 }), (all) => {
      let review = fresh;
      let given: { to: Assignee; at: Date } | undefined;
      for (const [n, one] of all.entries()) {
        const at = new Date(T0 + n);
        review = judged(review, one, BOSS, at);
        const { assignee } = one;
        if (assignee === null) given = undefined;
        else if (assignee && assignee.id !== given?.to.id) given = { to: assignee, at };
        const told = Object.fromEntries(
          Object.entries(review).filter(([key]) => OF_ASSIGNMENT.includes(key)),
        );
        expect(told).toEqual(
          given
            ? {
                assignedTo: given.to.id,
                assignedToName: given.to.name,
                assignedBy: 'Boss',
                assignedAt: given.at,
              }
            : {},
        );
      }
    }),
  );
});

test('what is so already is the same review; being given a call is no word about it', () => {
  fc.assert(
    fc.property(judgement, judgement, (first, second) => {
      const before = judged(fresh, first, BOSS, new Date(T0));
      const { addTags: _add, removeTags: _remove, ...said } = first;
      expect(judged(before, { ...said, tags: before.tags }, BOSS, new Date(T0 + 1))).toBe(before);
      const after = judged(
        before,
        'assignee' in second ? { assignee: second.assignee ?? null } : {},
        BOSS,
        new Date(),
      );
      const { status, tags, comments, reviewedBy, reviewedAt } = after;
      expect({ status, tags, comments, reviewedBy, reviewedAt }).toEqual({
        status: before.status,
        tags: before.tags,
        comments: before.comments,
        reviewedBy: before.reviewedBy,
        reviewedAt: before.reviewedAt,
      });
    }),
  );
});

test('calls are given to analysts and administrators who are active', () => {
  expect(mayReview({ isActive: true, role: 'ANALYST' })).toBe(true);
  expect(mayReview({ isActive: true, role: 'ADMIN' })).toBe(true);
  expect(mayReview({ isActive: true, role: 'USER' })).toBe(false);
  expect(mayReview({ isActive: false, role: 'ADMIN' })).toBe(false);
});
