/**
 * Parley's own frame path and nothing else: frames are cut out of one socket's buffer and put into the other's. No pacing, no
 * marks, no recording, no events: what is between this and the product is what the product does beside passing frames on.
 * Reads AGENT_URL (ws), listens on any port, prints it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cutMedia, noShape } from '../../src/adapters/twilio/media-stream.ts';
import { acceptSocket, connectSocket, type FrameSocket } from '../../src/wire/websocket.ts';

const NOTHING = Buffer.alloc(0);
const TO_AGENT = Buffer.from('{"user_audio_chunk":"');
const END = Buffer.from('"}');
const TO_PHONE_END = Buffer.from('"}}');
const AGENT_AUDIO = Buffer.from('"audio_base_64":"');
const QUOTE = 0x22;

const ofAgent = (phone: FrameSocket, agent: FrameSocket, prefix: Buffer) => ({
  text(message: Buffer) {
    const key = message.indexOf(AGENT_AUDIO);
    if (key !== -1) {
      const from = key + AGENT_AUDIO.length;
      phone.sendSpliced(prefix, message.subarray(from, message.indexOf(QUOTE, from)), TO_PHONE_END);
      return;
    }
    const { type, ping_event: ping } = JSON.parse(message.toString());
    if (type === 'ping') agent.sendText(JSON.stringify({ type: 'pong', event_id: ping.event_id }));
  },
  binary() {},
  socketClosed: () => phone.close(1000),
});

const server = createServer();
server.on('upgrade', (request, socket, head) => {
  const phone = acceptSocket(request, socket, { maxPayload: 64 * 1024, head });
  if (!phone) return;
  const shape = noShape();
  const over = new AbortController();
  let quotedSid = NOTHING;
  let agent: FrameSocket | undefined;
  phone.bind({
    text(message) {
      const media = quotedSid === NOTHING ? undefined : cutMedia(message, quotedSid, shape);
      if (media) {
        agent?.sendSpliced(TO_AGENT, message.subarray(media.from, media.to), END);
        return;
      }
      const { event, streamSid, start } = JSON.parse(message.toString());
      if (event !== 'start') return;
      quotedSid = Buffer.from(JSON.stringify(streamSid));
      const prefix = Buffer.from(`{"event":"media","streamSid":${quotedSid},"media":{"payload":"`);
      connectSocket(process.env.AGENT_URL ?? '', {
        signal: over.signal,
        handshakeTimeoutMs: 5_000,
        maxPayload: 1024 * 1024,
      }).then(
        (opened) => {
          agent = opened;
          opened.sendText(
            JSON.stringify({
              type: 'conversation_initiation_client_data',
              dynamic_variables: { call_id: start.customParameters.callId },
            }),
          );
          opened.bind(ofAgent(phone, opened, prefix));
        },
        () => phone.close(1011),
      );
    },
    binary() {},
    socketClosed() {
      over.abort();
      agent?.close(1000);
    },
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
