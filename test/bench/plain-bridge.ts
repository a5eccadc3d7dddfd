/**
 * The bridge everybody writes first, to measure ours against: `ws`, JSON.parse and JSON.stringify, a chunk passed on as it
 * comes. No pacing, no marks, no recording, no events. Reads AGENT_URL (ws), listens on any port, prints it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (phone) => {
  let streamSid = '';
  let agent: WebSocket | undefined;
  function connect(callId: string): void {
    const opened = new WebSocket(process.env.AGENT_URL ?? '', { perMessageDeflate: false });
    agent = opened;
    opened.on('open', () =>
      opened.send(
        JSON.stringify({
          type: 'conversation_initiation_client_data',
          dynamic_variables: { call_id: callId },
        }),
      ),
    );
    opened.on('message', (raw) => {
      const message = JSON.parse(raw.toString());
      if (message.type === 'audio') {
        phone.send(
          JSON.stringify({
            event: 'media',
            streamSid,
            media: { payload: message.audio_event.audio_base_64 },
          }),
        );
      } else if (message.type === 'ping') {
        opened.send(JSON.stringify({ type: 'pong', event_id: message.ping_event.event_id }));
      }
    });
    opened.on('close', () => phone.close());
    opened.on('error', () => phone.terminate());
  }
  phone.on('message', (raw) => {
    const message = JSON.parse(raw.toString());
    if (message.event === 'start') {
      streamSid = message.start.streamSid;
      connect(message.start.customParameters.callId);
    } else if (message.event === 'media' && agent?.readyState === WebSocket.OPEN) {
      agent.send(JSON.stringify({ user_audio_chunk: message.media.payload }));
    }
  });
  phone.on('close', () => agent?.close());
  phone.on('error', () => agent?.terminate());
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
