/** dashboard/calls/views: filters kept under a name, for whoever is signed in, on every device. */
import { ActionIcon, Button, Menu, Modal, Stack, TextInput } from '@mantine/core';
import { IconBookmark, IconX } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { callViewsQuery, keys } from '../queries.ts';
import type { CallSearch } from '../search.ts';
import { FormEnd } from '../ui/form.tsx';
import { ErrorNote } from '../ui/states.tsx';

export function CallViews({
  search,
  open,
}: {
  search: CallSearch;
  open: (query: Readonly<Record<string, string>>) => void;
}) {
  const [saving, setSaving] = useState(false);
  const queries = useQueryClient();
  const views = useQuery(callViewsQuery);
  const remove = useMutation({
    mutationFn: api.removeView,
    onSettled: () => queries.invalidateQueries({ queryKey: keys.callViews }),
  });
  const isOpen = (query: Readonly<Record<string, string>>) =>
    JSON.stringify(Object.entries(query).sort()) === JSON.stringify(Object.entries(search).sort());
  const current = views.data?.find(({ query }) => isOpen(query));
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={16} />}>
            {current?.name ?? 'Views'}
          </Button>
        </Menu.Target>
        <Menu.Dropdown className="views">
          <Menu.Label>Your views</Menu.Label>
          {views.data?.length === 0 ? (
            <p className="muted small views-none">Set filters, then save them under a name.</p>
          ) : null}
          {views.data?.map(({ id, name, query }) => (
            <div key={id} className="view-line">
              <Menu.Item onClick={() => open(query)}>{name}</Menu.Item>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Remove the view ${name}`}
                onClick={() => remove.mutate(id)}
              >
                <IconX size={14} />
              </ActionIcon>
            </div>
          ))}
          {(views.error ?? remove.error) ? <ErrorNote error={views.error ?? remove.error} /> : null}
          <Menu.Divider />
          <Menu.Item disabled={Object.keys(search).length === 0} onClick={() => setSaving(true)}>
            Save these filters …
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {saving ? <SaveView search={search} name={current?.name ?? ''} close={() => setSaving(false)} /> : null}
    </>
  );
}

function SaveView({ search, name: before, close }: { search: CallSearch; name: string; close: () => void }) {
  const [name, setName] = useState(before);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => api.saveCallView(name.trim(), { ...search }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.callViews });
      close();
    },
  });
  return (
    <Modal opened onClose={close} title="Save these filters">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack gap="sm">
          <TextInput
            label="Name"
            description="One of the same name is replaced. Only you see it."
            required
            maxLength={60}
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <FormEnd error={save.error} close={close} busy={save.isPending} ready={name.trim() !== ''}>
            Save
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}
