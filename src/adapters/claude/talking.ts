/**
 * adapters/claude/talking: Claude goes on with a conversation, word by word, for the voice agent. What stays the same from
 * turn to turn (the agent's instructions, its tools, what was said before) is read from the cache.
 */
import type Anthropic from '@anthropic-ai/sdk';
import type { ChatMessage, ChatQuestion, TalkingModel, TokenUsage } from '../../app/ports.ts';
import { Failure } from '../../domain/errors.ts';
import { type ClaudeOptions, clientOf, failureOf, NOTHING } from './ask.ts';

/** Until the answer begins: whoever listens hears a sentence of ours long before. */
const REQUEST_MS = 15_000;
const MAX_RETRIES = 1;

const CACHED = { cache_control: { type: 'ephemeral' } } as const;

type Block = Anthropic.TextBlockParam | Anthropic.ToolUseBlockParam | Anthropic.ToolResultBlockParam;
interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: Block[];
}

const text = (words: string): Anthropic.TextBlockParam => ({ type: 'text', text: words });

function blocksOf(message: ChatMessage): Block[] {
  switch (message.role) {
    case 'user':
      return message.text.trim() === '' ? [] : [text(message.text)];
    case 'assistant':
      return [
        ...(message.text.trim() === '' ? [] : [text(message.text)]),
        ...message.calls.map(
          ({ id, name, input }): Anthropic.ToolUseBlockParam => ({ type: 'tool_use', id, name, input }),
        ),
      ];
    case 'tool':
      return [{ type: 'tool_result', tool_use_id: message.callId, content: message.result || '(nothing)' }];
  }
}

/**
 * Turns as Claude takes them: user and assistant alternate, the first and the last are the user's, and every tool call is
 * answered in the turn behind it and nowhere else. A conversation of the phone begins with the agent's greeting, so that
 * somebody must have picked up before it.
 */
function turnsOf(messages: readonly ChatMessage[]): Turn[] {
  const turns: Turn[] = [];
  const add = (role: Turn['role'], blocks: Block[]): void => {
    if (blocks.length === 0) return;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: blocks });
  };
  for (const message of messages) {
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    if (turns.length === 0 && role === 'assistant') add('user', [text('(The call is connected.)')]);
    add(role, blocksOf(message));
  }
  if (turns.at(-1)?.role !== 'user') add('user', [text('(Silence.)')]);
  return turns.map(({ role, content }, at) =>
    role === 'assistant' ? { role, content } : { role, content: answering(content, turns[at - 1]) },
  );
}

/** A user's turn that answers every call of the turn before it, first; a result of another call is told in words. */
function answering(content: readonly Block[], before: Turn | undefined): Block[] {
  const asked = (before?.content ?? []).flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
  const results = content.flatMap((block) => (block.type === 'tool_result' ? [block] : []));
  const words = content.flatMap((block): Block[] => {
    if (block.type !== 'tool_result') return [block];
    return asked.includes(block.tool_use_id) ? [] : [text(`(A tool answered: ${String(block.content)})`)];
  });
  const answers = asked.map(
    (id): Block =>
      results.find((block) => block.tool_use_id === id) ?? {
        type: 'tool_result',
        tool_use_id: id,
        content: '(no answer came)',
      },
  );
  return [...answers, ...words];
}

const choiceOf = (choice: ChatQuestion['toolChoice']): Anthropic.ToolChoice =>
  typeof choice === 'object'
    ? { type: 'tool', name: choice.name }
    : { type: choice === 'required' ? 'any' : choice };

const usageOf = (before: TokenUsage, usage: Partial<Anthropic.Usage>): TokenUsage => ({
  inputTokens: usage.input_tokens ?? before.inputTokens,
  outputTokens: usage.output_tokens ?? before.outputTokens,
  cacheReadTokens: usage.cache_read_input_tokens ?? before.cacheReadTokens,
  cacheWriteTokens: usage.cache_creation_input_tokens ?? before.cacheWriteTokens,
});

function whyOf(reason: string | null): 'stop' | 'tool_calls' | 'length' | 'refused' {
  switch (reason) {
    case 'tool_use':
      return 'tool_calls';
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'refusal':
      return 'refused';
    default:
      return 'stop';
  }
}

export function createClaudeTalking(options: ClaudeOptions): TalkingModel {
  const { model } = options;
  const client = clientOf(options, { timeout: REQUEST_MS, maxRetries: MAX_RETRIES });

  function requestOf({ system, messages, tools, toolChoice, maxTokens }: ChatQuestion) {
    const turns = turnsOf(messages);
    // What was said until now is the beginning of the next question.
    const last = turns.at(-1)?.content.at(-1);
    if (last) Object.assign(last, CACHED);
    return {
      model,
      max_tokens: maxTokens,
      stream: true as const,
      ...(system.trim() === '' ? {} : { system: [{ ...text(system), ...CACHED }] }),
      ...(tools.length === 0
        ? {}
        : {
            tools: tools.map(({ name, description, parameters }, at) => ({
              name,
              description,
              input_schema: { ...parameters, type: 'object' as const },
              ...(at === tools.length - 1 ? CACHED : {}),
            })),
            tool_choice: choiceOf(toolChoice),
          }),
      messages: turns,
    };
  }

  return {
    model,
    async *answer(question, signal) {
      let usage = NOTHING;
      const open = new Map<number, { readonly id: string; readonly name: string; input: string }>();
      let why: string | null = null;
      let isEnded = false;
      try {
        const stream = await client.messages.create(requestOf(question), { signal });
        for await (const event of stream) {
          switch (event.type) {
            case 'message_start':
              usage = usageOf(usage, event.message.usage);
              yield { kind: 'used', usage };
              break;
            case 'content_block_start':
              if (event.content_block.type === 'tool_use')
                open.set(event.index, {
                  id: event.content_block.id,
                  name: event.content_block.name,
                  input: '',
                });
              break;
            case 'content_block_delta': {
              const { delta } = event;
              if (delta.type === 'text_delta' && delta.text !== '') yield { kind: 'text', text: delta.text };
              const call = open.get(event.index);
              if (delta.type === 'input_json_delta' && call) call.input += delta.partial_json;
              break;
            }
            case 'content_block_stop': {
              const call = open.get(event.index);
              open.delete(event.index);
              if (call) yield { kind: 'tool', ...call, input: call.input === '' ? '{}' : call.input };
              break;
            }
            case 'message_delta':
              usage = usageOf(usage, event.usage as Partial<Anthropic.Usage>);
              why = event.delta.stop_reason ?? why;
              yield { kind: 'used', usage };
              break;
            case 'message_stop':
              isEnded = true;
              break;
          }
        }
      } catch (error) {
        signal.throwIfAborted();
        const failure = failureOf(error, 'model_unavailable');
        if (failure instanceof Failure) throw failure;
        throw new Failure('invalid_request', `Claude cannot take this: ${failure.why}`, { cause: error });
      }
      signal.throwIfAborted();
      if (!isEnded)
        throw new Failure('model_unavailable', 'Claude stopped in the middle of its answer', {
          details: { status: 502 },
        });
      yield { kind: 'end', why: whyOf(why) };
    },
  };
}
