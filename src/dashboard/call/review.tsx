/** dashboard/call/review: what people make of the call: who is to look at it, whether it is dealt with, its tags, and remarks. */
import './review.css';
import { Button, Select, TagsInput, Textarea } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { CallReview } from '../../contract/index.ts';
import { api, newKey } from '../api.ts';
import { formatLength } from '../format.ts';
import { keys, meQuery, reviewersQuery, reviewQuery } from '../queries.ts';
import { Choice } from '../ui/choice.tsx';
import { useMay } from '../ui/may-act.ts';
import { Ago, NotForYou, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { REVIEW } from '../words.ts';
import type { Playback } from './playback.ts';

const STATUSES = CallReview.shape.status.options.map((value) => ({ value, label: REVIEW[value].label }));

/** What a change of the review answers is what is shown from then on, here and in the lists. */
function useReviewChange<V>(callId: string, change: (given: V) => Promise<CallReview>, done?: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: (review) => {
      queries.setQueryData(keys.review(callId), review);
      for (const queryKey of [keys.callLists, keys.reviewers])
        queries.invalidateQueries({ queryKey }).catch(() => undefined);
      done?.();
    },
  });
}

export function Review({ callId, playback }: { callId: string; playback: Playback }) {
  const review = useQuery(reviewQuery(callId));
  const mayReview = useMay('ANALYST');
  const judge = useReviewChange(callId, (given: Parameters<typeof api.judge>[1]) => api.judge(callId, given));
  if (!review.data)
    return (
      <Panel id="review" title="Review">
        {review.error ? (
          <ErrorNote error={review.error} retry={() => review.refetch()} />
        ) : (
          <RowsSkeleton rows={2} />
        )}
      </Panel>
    );
  const { status, tags, reviewedBy, reviewedAt, assignedToName } = review.data;
  return (
    <Panel
      id="review"
      title="Review"
      aside={
        reviewedBy && reviewedAt ? (
          <span className="muted small">
            {reviewedBy}, <Ago at={reviewedAt} />
          </span>
        ) : null
      }
    >
      {mayReview ? (
        <>
          <Choice
            label="Review status"
            options={STATUSES}
            value={status}
            onChange={(value) => judge.mutate({ status: value })}
          />
          <Reviewer review={review.data} assign={(assignedTo) => judge.mutate({ assignedTo })} />
          <TagsInput
            size="sm"
            label="Tags"
            placeholder={tags.length === 0 ? 'Type one and press Enter' : ''}
            maxTags={20}
            maxLength={40}
            clearable={false}
            value={tags}
            onChange={(next) => judge.mutate({ tags: next.map((tag) => tag.trim()).filter(Boolean) })}
          />
        </>
      ) : (
        <>
          <p className="tags">
            <Pill word={REVIEW[status]} />
            {tags.map((tag) => (
              <span key={tag} className="tag">
                {tag}
              </span>
            ))}
          </p>
          {assignedToName ? <p className="small">To be reviewed by {assignedToName}.</p> : null}
          <NotForYou needs="analyst">You can read reviews, not write them.</NotForYou>
        </>
      )}
      {judge.error ? <ErrorNote error={judge.error} /> : null}
      <Comments callId={callId} review={review.data} playback={playback} mayWrite={mayReview} />
    </Panel>
  );
}

const NOBODY = 'none';

/** Who is to review the call. Whoever has it stays in the choice, whether or not they may still be chosen. */
function Reviewer({
  review: { assignedTo, assignedToName = '', assignedBy, assignedAt },
  assign,
}: {
  review: CallReview;
  assign: (userId: string | null) => void;
}) {
  const me = useQuery(meQuery).data?.user.id;
  const reviewers = useQuery(reviewersQuery).data?.items;
  const people = (reviewers ?? []).map(({ id, name }) => ({ value: id, label: name }));
  const has = (userId: string) => people.some(({ value }) => value === userId);
  if (assignedTo !== undefined && !has(assignedTo))
    people.push({ value: assignedTo, label: reviewers ? `${assignedToName}, no longer` : assignedToName });
  return (
    <>
      <div className="reviewer">
        <Select
          size="sm"
          label="Reviewer"
          searchable
          // Who types looks for another name.
          onFocus={(event) => event.currentTarget.select()}
          allowDeselect={false}
          nothingFoundMessage="Nobody of this name reviews calls"
          data={[{ value: NOBODY, label: 'Nobody' }, ...people]}
          value={assignedTo ?? NOBODY}
          onChange={(userId) => assign(userId === NOBODY ? null : userId)}
        />
        {me !== undefined && me !== assignedTo && has(me) ? (
          <Button variant="default" size="sm" onClick={() => assign(me)}>
            Assign to me
          </Button>
        ) : null}
      </div>
      {assignedBy && assignedAt ? (
        <p className="muted small">
          Given by {assignedBy}, <Ago at={assignedAt} />
        </p>
      ) : null}
    </>
  );
}

function Comments({
  callId,
  review,
  playback,
  mayWrite,
}: {
  callId: string;
  review: CallReview;
  playback: Playback;
  mayWrite: boolean;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState('');
  /** Undefined: about the whole call. Fixed when one begins to write, while the recording may go on. */
  const [atSec, setAtSec] = useState<number>();
  const [key, setKey] = useState(newKey);
  const add = useReviewChange(
    callId,
    () => api.comment(callId, { text: text.trim(), ...(atSec === undefined ? {} : { atSec }) }, key),
    () => {
      setText('');
      setAtSec(undefined);
      setKey(newKey());
    },
  );
  const pin = () => setAtSec(playback.sec === undefined ? undefined : Math.floor(playback.sec * 10) / 10);
  useHotkeys([
    [
      'c',
      (event) => {
        event.preventDefault();
        field.current?.focus();
      },
    ],
  ]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== '') add.mutate(undefined);
  };
  return (
    <>
      {review.comments.length > 0 ? (
        <ul className="comments" aria-label="Comments">
          {review.comments.map((comment) => (
            <Comment key={comment.id} callId={callId} comment={comment} playback={playback} />
          ))}
        </ul>
      ) : null}
      {mayWrite ? (
        <form onSubmit={submit} className="comment-form">
          <Textarea
            ref={field}
            size="sm"
            label={atSec === undefined ? 'Comment' : `Comment at ${formatLength(atSec)}`}
            placeholder="What should be heard here?"
            rows={3}
            resize="vertical"
            maxLength={4_000}
            value={text}
            onFocus={() => {
              if (text === '') pin();
            }}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
            }}
          />
          {add.error ? <ErrorNote error={add.error} /> : null}
          <div className="comment-end">
            {atSec === undefined ? null : (
              <Button variant="subtle" size="xs" onClick={() => setAtSec(undefined)}>
                About the whole call
              </Button>
            )}
            <Button type="submit" size="xs" loading={add.isPending} disabled={text.trim() === ''}>
              Add comment
            </Button>
          </div>
        </form>
      ) : null}
    </>
  );
}

function Comment({
  callId,
  comment,
  playback,
}: {
  callId: string;
  comment: CallReview['comments'][number];
  playback: Playback;
}) {
  const me = useQuery(meQuery).data;
  const isAdmin = useMay('ADMIN');
  const [editing, setEditing] = useState<string>();
  const edit = useReviewChange(
    callId,
    (text: string) => api.editComment(callId, comment.id, text),
    () => setEditing(undefined),
  );
  const remove = useReviewChange(callId, () => api.removeComment(callId, comment.id));
  const { atSec } = comment;
  return (
    <li>
      <p className="comment-head small">
        {atSec === undefined ? null : (
          <button
            type="button"
            className="jump num"
            aria-label={`${formatLength(atSec)}: play from here`}
            onClick={() => playback.seek(atSec, true)}
          >
            {formatLength(atSec)}
          </button>
        )}
        <strong>{comment.byName}</strong>
        <span className="muted">
          <Ago at={comment.createdAt} />
          {comment.editedAt ? ', edited' : ''}
        </span>
      </p>
      {editing === undefined ? (
        <p className="comment-text">{comment.text}</p>
      ) : (
        <form
          className="comment-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (editing.trim() !== '') edit.mutate(editing.trim());
          }}
        >
          <Textarea
            size="sm"
            aria-label="Comment"
            autosize
            minRows={2}
            maxLength={4_000}
            data-autofocus
            value={editing}
            onChange={(event) => setEditing(event.currentTarget.value)}
          />
          <div className="comment-end">
            <Button variant="default" size="xs" onClick={() => setEditing(undefined)}>
              Cancel
            </Button>
            <Button type="submit" size="xs" loading={edit.isPending} disabled={editing.trim() === ''}>
              Save
            </Button>
          </div>
        </form>
      )}
      {(isAdmin || me?.user.id === comment.by) && editing === undefined ? (
        <p className="comment-deeds">
          <button type="button" className="jump" onClick={() => setEditing(comment.text)}>
            Edit
          </button>
          <button type="button" className="jump" onClick={() => remove.mutate(undefined)}>
            Remove
          </button>
        </p>
      ) : null}
      {(edit.error ?? remove.error) ? <ErrorNote error={edit.error ?? remove.error} /> : null}
    </li>
  );
}
