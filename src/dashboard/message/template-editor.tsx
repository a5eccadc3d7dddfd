/** dashboard/message/template-editor: a template as it is written, with what a sample person would get; and its older versions. */
import './message.css';
import { Button, SegmentedControl, Skeleton, Stack, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconArchive, IconDeviceFloppy } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { type MessageTemplate, type MessageTemplateSave, PLACEHOLDERS } from '../../contract/index.ts';
import { ApiError, api, faultOf } from '../api.ts';
import { humanise } from '../format.ts';
import { keys, templatePreviewQuery, templateVersionsQuery } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, NotForYou, Notice } from '../ui/pieces.tsx';
import { Question } from '../ui/question.tsx';
import { ErrorNote } from '../ui/states.tsx';
import { Preview } from './preview.tsx';

/** So long nobody has typed before it is asked for. */
const SETTLED_MS = 350;

/** A name that the previews are asked with while there is none. */
const NAMELESS = 'preview';

export function TemplateEditor({
  template,
  done,
}: {
  /** Undefined: a new one. */
  template?: MessageTemplate;
  done: () => void;
}) {
  const [name, setName] = useState(template?.name ?? '');
  const [channel, setChannel] = useState<MessageTemplate['channel']>(template?.channel ?? 'sms');
  const [subject, setSubject] = useState(template?.subject ?? '');
  const [body, setBody] = useState(template?.body ?? '');
  const field = useRef<HTMLTextAreaElement>(null);
  const mayAct = useMayAct();
  const queries = useQueryClient();
  const wording: Omit<MessageTemplateSave, 'name'> = {
    channel,
    body,
    ...(channel === 'email' && subject.trim() ? { subject } : {}),
  };
  const save = useMutation({
    mutationFn: () => api.saveTemplate({ ...wording, name: name.trim() }),
    onSuccess: (saved) => {
      notifications.show({
        color: 'petrol',
        title: template ? `Version ${saved.version} is in use` : 'Template saved',
        message: saved.name,
      });
      queries.invalidateQueries({ queryKey: keys.templates }).catch(() => undefined);
      done();
    },
  });
  const put = (placeholder: string) => {
    const area = field.current;
    const [from, to] = area ? [area.selectionStart, area.selectionEnd] : [body.length, body.length];
    const text = `{{${placeholder}}}`;
    setBody(body.slice(0, from) + text + body.slice(to));
    // The caret goes behind what was put in, once it is drawn.
    requestAnimationFrame(() => {
      area?.focus();
      area?.setSelectionRange(from + text.length, from + text.length);
    });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const unchanged = template !== undefined && body === template.body && subject === (template.subject ?? '');
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {mayAct ? null : <NotForYou needs="analyst">Templates can be read, not changed, here.</NotForYou>}
        {template ? null : (
          <>
            <TextInput
              label="Name"
              description="Lower-case letters, digits and _; campaigns choose it by this name"
              required
              maxLength={60}
              autoComplete="off"
              placeholder="follow_up_day_1"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={faultOf(save.error, '/name')}
              data-autofocus
            />
            <SegmentedControl
              aria-label="Channel"
              data={[
                { value: 'sms', label: 'Text' },
                { value: 'email', label: 'E-mail' },
              ]}
              value={channel}
              onChange={(value) => setChannel(value === 'email' ? 'email' : 'sms')}
            />
          </>
        )}
        {channel === 'email' ? (
          <TextInput
            label="Subject"
            required
            maxLength={200}
            readOnly={!mayAct}
            value={subject}
            onChange={(event) => setSubject(event.currentTarget.value)}
            error={faultOf(save.error, '/subject')}
          />
        ) : null}
        <Textarea
          ref={field}
          label={channel === 'sms' ? 'Text' : 'E-mail'}
          required
          autosize
          minRows={channel === 'sms' ? 4 : 8}
          maxLength={5000}
          readOnly={!mayAct}
          value={body}
          onChange={(event) => setBody(event.currentTarget.value)}
          error={faultOf(save.error, '/body')}
        />
        {mayAct ? (
          <div>
            <p className="small muted" id="fill-in">
              Put in, to be filled for each person:
            </p>
            {/* biome-ignore lint/a11y/useSemanticElements: a fieldset has a frame and a legend that this look has no use for */}
            <div className="placeholders" role="group" aria-labelledby="fill-in">
              {Object.entries(PLACEHOLDERS).map(([placeholder, means]) => (
                <Button
                  key={placeholder}
                  variant="default"
                  size="compact-xs"
                  title={means}
                  onClick={() => put(placeholder)}
                >
                  {humanise(placeholder)}
                </Button>
              ))}
            </div>
          </div>
        ) : null}
        <LivePreview wording={wording} name={name} />
        {mayAct ? (
          <FormEnd
            error={save.error}
            close={done}
            busy={save.isPending}
            ready={name.trim() !== '' && body.trim() !== '' && !unchanged}
            icon={<IconDeviceFloppy size={16} />}
          >
            {template ? 'Save as a new version' : 'Save the template'}
          </FormEnd>
        ) : null}
        {template ? <More template={template} mayAct={mayAct} done={done} /> : null}
      </Stack>
    </form>
  );
}

/** What the server makes of it; what is wrong with it is said here before anybody saves. */
function LivePreview({ wording, name }: { wording: Omit<MessageTemplateSave, 'name'>; name: string }) {
  const [asked] = useDebouncedValue(
    JSON.stringify({ ...wording, name: name.trim() || NAMELESS }),
    SETTLED_MS,
  );
  const template: MessageTemplateSave = JSON.parse(asked);
  const empty = template.body.trim() === '' || (template.channel === 'email' && !template.subject);
  const preview = useQuery({ ...templatePreviewQuery(template), enabled: !empty });
  if (empty) return <p className="small muted">A preview comes while you write.</p>;
  const wrong =
    preview.error instanceof ApiError
      ? preview.error.problem?.errors?.filter(({ pointer }) => pointer !== '/name')
      : undefined;
  return (
    <div role="status">
      {preview.error && !wrong?.length ? (
        <ErrorNote error={preview.error} retry={() => preview.refetch()} />
      ) : null}
      {wrong?.length ? (
        <Notice tone="warn" title="It cannot be sent like this">
          {wrong.map(({ pointer, detail }) => (
            <p key={`${pointer} ${detail}`}>{detail}</p>
          ))}
        </Notice>
      ) : null}
      {preview.isPending ? <Skeleton height={80} /> : null}
      {preview.data && !preview.error ? <Preview channel={template.channel} preview={preview.data} /> : null}
    </div>
  );
}

function More({ template, mayAct, done }: { template: MessageTemplate; mayAct: boolean; done: () => void }) {
  const versions = useQuery(templateVersionsQuery(template.name));
  const [retiring, setRetiring] = useState(false);
  const older = versions.data?.filter(({ version }) => version !== template.version) ?? [];
  return (
    <>
      <h3>Who uses it</h3>
      {template.usedBy.length === 0 ? <p className="small muted">No campaign.</p> : null}
      <ul className="plain small">
        {template.usedBy.map(({ id, name }) => (
          <li key={id}>
            <Link to="/campaigns/$campaignId" params={{ campaignId: id }}>
              {name}
            </Link>
          </li>
        ))}
      </ul>
      <h3>Older versions</h3>
      {versions.error ? <ErrorNote error={versions.error} retry={() => versions.refetch()} /> : null}
      {versions.data && older.length === 0 ? <p className="small muted">None: this is the first.</p> : null}
      {older.map((one) => (
        <details key={one.id}>
          <summary className="small">
            Version {one.version}, <Ago at={one.createdAt} /> by {one.createdBy}
          </summary>
          <Preview channel={one.channel} preview={one.preview} />
        </details>
      ))}
      {mayAct && template.retiredAt === undefined ? (
        <Button
          variant="subtle"
          size="compact-sm"
          color="red"
          c="var(--bad-ink)"
          leftSection={<IconArchive size={14} />}
          style={{ justifySelf: 'start', alignSelf: 'start' }}
          onClick={() => setRetiring(true)}
        >
          Use it no more
        </Button>
      ) : null}
      {retiring ? <Retire template={template} close={() => setRetiring(false)} done={done} /> : null}
    </>
  );
}

function Retire({
  template,
  close,
  done,
}: {
  template: MessageTemplate;
  close: () => void;
  done: () => void;
}) {
  const queries = useQueryClient();
  const retire = useMutation({
    mutationFn: () => api.retireTemplate(template.name),
    onSuccess: () => {
      queries.invalidateQueries({ queryKey: keys.templates }).catch(() => undefined);
      done();
    },
  });
  return (
    <Question
      title={`Use ${template.name} no more?`}
      close={close}
      deed={retire}
      back="Keep it"
      label="Use it no more"
    >
      It can no longer be chosen. What was sent stays, with its words. Saving it again brings it back.
    </Question>
  );
}
