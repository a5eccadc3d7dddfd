/** dashboard/calls/bulk: one deed for the calls that were chosen: how far it is, what became of each, and the way back. */
import './calls.css';
import { Button, Menu, Modal, Progress, SegmentedControl, Stack, TagsInput } from '@mantine/core';
import { IconArrowBackUp, IconChevronDown, IconDownload, IconTag } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { type BulkDeed, type CallBulkResults, CallReview } from '../../contract/index.ts';
import { api, type CallFilter, callsFile } from '../api.ts';
import { count } from '../format.ts';
import { keys, meQuery, reviewersQuery } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Notice } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';
import { REVIEW } from '../words.ts';

type Result = CallBulkResults['items'][number];

/** So many calls are sent at once: each answer is a step of the bar, and a stop comes soon. */
const AT_ONCE = 20;

interface Run {
  /** What is done to calls, as a sentence goes on behind their number. */
  readonly what: string;
  readonly total: number;
  readonly results: readonly Result[];
  readonly isUndo: boolean;
}

type Part = () => Promise<readonly Result[]>;

const inParts = <T,>(all: readonly T[], send: (some: T[]) => Promise<readonly Result[]>): Part[] =>
  Array.from(
    { length: Math.ceil(all.length / AT_ONCE) },
    (_, n) => () => send(all.slice(n * AT_ONCE, (n + 1) * AT_ONCE)),
  );

/** Sends the calls some at a time; what was answered stays known when a later part fails or somebody stops it. */
function useBulk() {
  const queries = useQueryClient();
  const [run, setRun] = useState<Run>();
  const stopped = useRef(false);
  const work = useMutation({
    async mutationFn({ parts, ...told }: Omit<Run, 'results'> & { parts: readonly Part[] }) {
      stopped.current = false;
      let results: readonly Result[] = [];
      setRun({ ...told, results });
      for (const part of parts) {
        if (stopped.current) break;
        results = [...results, ...(await part())];
        setRun({ ...told, results });
      }
    },
    onSettled: () => {
      // Lists, searches, and the calls themselves.
      for (const queryKey of [keys.callLists, keys.said, keys.reviewers, ['call'] as const])
        queries.invalidateQueries({ queryKey }).catch(() => undefined);
    },
  });
  return {
    run,
    error: work.error,
    isRunning: work.isPending,
    act: (callIds: readonly string[], deed: BulkDeed, what: string) =>
      work.mutate({
        what,
        total: callIds.length,
        isUndo: false,
        parts: inParts(callIds, (some) => api.actOnCalls(some, deed)),
      }),
    undo(results: readonly Result[]) {
      const before = results.flatMap(({ callId, undo }) => (undo ? [{ callId, ...undo }] : []));
      work.mutate({
        what: 'put back as they were',
        total: before.length,
        isUndo: true,
        parts: inParts(before, api.undoOnCalls),
      });
    },
    stop: () => {
      stopped.current = true;
    },
    forget: () => {
      work.reset();
      setRun(undefined);
    },
  };
}

export function BulkDeeds({
  chosen,
  choose,
  filter,
}: {
  chosen: ReadonlySet<string>;
  choose: (ids: ReadonlySet<string>) => void;
  /** What the list is narrowed to. */
  filter: CallFilter & { readonly text?: string };
}) {
  const bulk = useBulk();
  const [asking, setAsking] = useState<'tag' | 'analyse'>();
  const all = useMutation({
    mutationFn: () => api.matchingCalls(filter),
    onSuccess: ({ ids }) => choose(new Set(ids)),
  });
  const ids = [...chosen];
  const nothing = chosen.size === 0 || bulk.isRunning;
  const calls = count(chosen.size, 'call');
  return (
    <section aria-label="Deeds on many calls">
      <div className="bulk">
        <Button size="xs" variant="default" loading={all.isPending} onClick={() => all.mutate()}>
          Choose all that match
        </Button>
        {chosen.size === 0 ? null : (
          <>
            <span className="small" role="status">
              {calls} chosen
              {all.data?.more && all.data.ids.length === chosen.size ? ', the newest of more' : ''}
            </span>
            <Button
              size="xs"
              variant="default"
              disabled={nothing}
              leftSection={<IconTag size={14} />}
              onClick={() => setAsking('tag')}
            >
              Tags …
            </Button>
            <Menu withinPortal>
              <Menu.Target>
                <Button
                  size="xs"
                  variant="default"
                  disabled={nothing}
                  rightSection={<IconChevronDown size={14} />}
                >
                  Review
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {CallReview.shape.status.options.map((status) => (
                  <Menu.Item
                    key={status}
                    onClick={() =>
                      bulk.act(ids, { what: 'review', status }, `set to “${REVIEW[status].label}”`)
                    }
                  >
                    {REVIEW[status].label}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
            <AssignMenu disabled={nothing} act={(deed, what) => bulk.act(ids, deed, what)} />
            <Button size="xs" variant="default" disabled={nothing} onClick={() => setAsking('analyse')}>
              Analyse again …
            </Button>
            <Button
              component="a"
              size="xs"
              variant="default"
              leftSection={<IconDownload size={14} />}
              href={callsFile({ ids: ids.join(',') })}
              download="calls.csv"
            >
              CSV of these
            </Button>
            <Button size="xs" variant="subtle" disabled={bulk.isRunning} onClick={() => choose(new Set())}>
              Choose none
            </Button>
          </>
        )}
      </div>
      {all.error ? <ErrorNote error={all.error} retry={() => all.mutate()} /> : null}
      <Progressed bulk={bulk} />
      {asking === 'tag' ? (
        <AskTags
          calls={calls}
          close={() => setAsking(undefined)}
          act={(deed, what) => bulk.act(ids, deed, what)}
        />
      ) : null}
      {asking === 'analyse' ? (
        <Modal opened onClose={() => setAsking(undefined)} centered title={`Analyse ${calls} again?`}>
          <Stack gap="sm">
            <p>
              Each analysis by Claude costs money, within the daily budget; beyond it, and without a key, word
              lists do it. Earlier analyses are kept.
            </p>
            <FormEnd
              close={() => setAsking(undefined)}
              act={() => {
                setAsking(undefined);
                bulk.act(ids, { what: 'analyse' }, 'to be analysed again');
              }}
            >
              Analyse again
            </FormEnd>
          </Stack>
        </Modal>
      ) : null}
    </section>
  );
}

/** Whoever is signed in stands first. */
function AssignMenu({ disabled, act }: { disabled: boolean; act: (deed: BulkDeed, what: string) => void }) {
  const me = useQuery(meQuery).data?.user.id;
  const { items = [] } = useQuery(reviewersQuery).data ?? {};
  const others = items.filter(({ id }) => id !== me);
  const give = (assignedTo: string | null, what: string) => act({ what: 'assign', assignedTo }, what);
  return (
    <Menu withinPortal>
      <Menu.Target>
        <Button size="xs" variant="default" disabled={disabled} rightSection={<IconChevronDown size={14} />}>
          Assign
        </Button>
      </Menu.Target>
      <Menu.Dropdown className="bulk-people">
        <Menu.Label>To be reviewed by</Menu.Label>
        {me !== undefined && others.length < items.length ? (
          <Menu.Item onClick={() => give(me, 'given to you to review')}>Me</Menu.Item>
        ) : null}
        {others.map(({ id, name }) => (
          <Menu.Item key={id} onClick={() => give(id, `given to ${name} to review`)}>
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => give(null, 'given to nobody in particular')}>Nobody</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Progressed({ bulk }: { bulk: ReturnType<typeof useBulk> }) {
  const { run, isRunning, error } = bulk;
  if (!run) return null;
  const many = (state: Result['state']) => run.results.filter((each) => each.state === state).length;
  if (isRunning)
    return (
      <div className="bulk">
        <Progress.Root className="bulk-progress">
          <Progress.Section
            value={(100 * run.results.length) / Math.max(1, run.total)}
            aria-label="Calls that are dealt with"
          />
        </Progress.Root>
        <span className="small num">
          {run.results.length} of {run.total}
        </span>
        <Button size="xs" variant="default" onClick={bulk.stop}>
          Stop
        </Button>
      </div>
    );
  const failed = run.results.filter(({ state }) => state === 'failed');
  const left = run.total - run.results.length;
  const canUndo = !run.isUndo && run.results.some(({ undo }) => undo !== undefined);
  return (
    <div className="bulk">
      <Notice
        alert
        tone={failed.length > 0 || left > 0 ? 'warn' : 'good'}
        title={`${count(many('done'), 'call')} ${run.what}`}
      >
        {many('unchanged') > 0 ? <p>{many('unchanged')} were so already.</p> : null}
        {left > 0 ? <p>{left} were not tried.</p> : null}
        {failed.length > 0 ? (
          <ul className="bulk-failed" aria-label="Calls for which it failed">
            {failed.map(({ callId, problem }) => (
              <li key={callId}>
                <Link to="/calls/$callId" params={{ callId }}>
                  This call
                </Link>
                : {problem?.detail}
              </li>
            ))}
          </ul>
        ) : null}
        {error ? <ErrorNote error={error} /> : null}
      </Notice>
      {canUndo ? (
        <Button
          size="xs"
          variant="default"
          leftSection={<IconArrowBackUp size={14} />}
          onClick={() => bulk.undo(run.results)}
        >
          Undo
        </Button>
      ) : null}
      <Button size="xs" variant="subtle" onClick={bulk.forget}>
        Close
      </Button>
    </div>
  );
}

function AskTags({
  calls,
  close,
  act,
}: {
  calls: string;
  close: () => void;
  act: (deed: BulkDeed, what: string) => void;
}) {
  const [tags, setTags] = useState<string[]>([]);
  const [how, setHow] = useState<'add' | 'remove'>('add');
  return (
    <Modal opened onClose={close} title={`Tags of ${calls}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          close();
          act({ what: 'tag', [how]: tags }, how === 'add' ? 'tagged' : 'without these tags now');
        }}
      >
        <Stack gap="sm">
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label="What is done with the tags"
            data={[
              { value: 'add', label: 'Add' },
              { value: 'remove', label: 'Take away' },
            ]}
            value={how}
            onChange={(value) => setHow(value === 'remove' ? 'remove' : 'add')}
          />
          <TagsInput
            label="Tags"
            placeholder="Type one and press Enter"
            maxTags={20}
            maxLength={40}
            value={tags}
            onChange={(next) => setTags(next.map((tag) => tag.trim()).filter(Boolean))}
            data-autofocus
          />
          <FormEnd close={close} ready={tags.length > 0}>
            {how === 'add' ? 'Add' : 'Take away'}
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}
