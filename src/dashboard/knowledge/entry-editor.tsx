/** dashboard/knowledge/entry-editor: an entry as it is written: what people say, and what the agent answers. */
import { NativeSelect, Stack, TagsInput, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDeviceFloppy } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { type KnowledgeEntry, KnowledgeKind } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { FormEnd } from '../ui/form.tsx';
import { knowledgeChanged } from './queries.ts';
import { KIND } from './words.ts';

/** The fields that are the same for a new entry, a new version and an edited proposal. */
export function WordingFields({
  title,
  body,
  tags,
  change,
  error,
}: {
  title: string;
  body: string;
  tags: readonly string[];
  change: (fields: { title?: string; body?: string; tags?: string[] }) => void;
  error: unknown;
}) {
  return (
    <>
      <TextInput
        label="Title"
        required
        maxLength={120}
        value={title}
        onChange={(event) => change({ title: event.currentTarget.value })}
        error={faultOf(error, '/title')}
      />
      <Textarea
        label="What the agent is told to answer"
        description="{{seller_name}} stands for your company. Promise no price and no date."
        required
        autosize
        minRows={6}
        maxLength={1200}
        value={body}
        onChange={(event) => change({ body: event.currentTarget.value })}
        error={faultOf(error, '/body')}
      />
      <TagsInput
        label="What people say when this is the answer"
        description="Words and short phrases; press Enter after each."
        maxTags={40}
        value={[...tags]}
        onChange={(given) => change({ tags: given })}
        error={faultOf(error, '/tags')}
      />
    </>
  );
}

export function EntryEditor({
  entry,
  newest = 0,
  done,
}: {
  /** Undefined: a new one. */
  entry?: KnowledgeEntry;
  newest?: number;
  done: () => void;
}) {
  const [key, setKey] = useState('');
  const [kind, setKind] = useState<KnowledgeKind>(entry?.kind ?? 'objection_handler');
  const [wording, setWording] = useState({
    title: entry?.title ?? '',
    body: entry?.body ?? '',
    tags: entry?.tags ?? [],
  });
  const queries = useQueryClient();
  const navigate = useNavigate();
  const save = useMutation({
    mutationFn: () =>
      entry
        ? api.saveKnowledge(entry.key, { kind, ...wording, basedOn: newest })
        : api.createKnowledge({ key: key.trim(), kind, ...wording }),
    onSuccess: (topic) => {
      notifications.show({
        color: 'petrol',
        title: `Version ${topic.active?.version ?? 1} is in use`,
        message: topic.active?.title ?? topic.key,
      });
      knowledgeChanged(queries);
      done();
      if (!entry) navigate({ to: '/knowledge/$key', params: { key: topic.key } }).catch(() => undefined);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {entry ? null : (
          <TextInput
            label="Key"
            description="Lower-case letters, digits and _; it names the entry for good"
            required
            maxLength={60}
            autoComplete="off"
            placeholder="price_too_low"
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            error={faultOf(save.error, '/key')}
            data-autofocus
          />
        )}
        <NativeSelect
          label="Kind"
          data={KnowledgeKind.options.map((value) => ({ value, label: KIND[value] }))}
          value={kind}
          onChange={(event) => setKind(KnowledgeKind.parse(event.currentTarget.value))}
        />
        <WordingFields
          {...wording}
          change={(fields) => setWording((before) => ({ ...before, ...fields }))}
          error={save.error}
        />
        <FormEnd
          error={save.error}
          close={done}
          busy={save.isPending}
          ready={
            (entry !== undefined || key.trim() !== '') &&
            wording.title.trim() !== '' &&
            wording.body.trim() !== ''
          }
          icon={<IconDeviceFloppy size={16} />}
        >
          {entry ? 'Save as a new version' : 'Save the entry'}
        </FormEnd>
      </Stack>
    </form>
  );
}
