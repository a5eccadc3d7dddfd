/** A gate before a server: what goes through it can be refused or left without an answer. */
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { lastingPort } from './ports.ts';

export type GateMode = 'open' | 'refuse' | 'hang' | 'lossy';

export interface TcpGate {
  readonly port: number;
  /**
   * `refuse`: nobody listens, and what was open is cut. `hang`: everything stays open and nothing comes through. `lossy`: what
   * is asked comes through and is done, and the answers do not.
   */
  set(mode: GateMode): Promise<void>;
  close(): Promise<void>;
}

export async function openTcpGate(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let mode: GateMode = 'open';
  let server: Server | undefined;

  function serve(client: Socket): void {
    const upstream = tcpConnect(target.port, target.host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (mode === 'open' || (mode === 'lossy' && from === client)) to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  }

  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const port = await lastingPort();
  const listen = (): Promise<void> =>
    new Promise((done, failed) => {
      const listening = createServer(serve);
      server = listening;
      listening.once('error', failed);
      listening.listen(port, '127.0.0.1', done);
    });
  const leave = async (): Promise<void> => {
    const listening = server;
    server = undefined;
    cut();
    if (listening) await new Promise((done) => listening.close(done));
  };

  await listen();
  return {
    port,
    async set(next) {
      // What hung while nothing came through has lost bytes: it is cut, as by a network that comes back.
      if (mode !== 'open' && next === 'open') cut();
      mode = next;
      if (next === 'refuse') await leave();
      else if (!server) await listen();
    },
    close: leave,
  };
}
