// A command's streams between a WebSocket client and the runtime, which speaks SPDY.
// Source: cri-streaming translator StreamTranslatorHandler, client-go remotecommand v4.
import type { WebSocket } from 'ws';
import { SpdyConnection } from '#base/spdy/connection.ts';
import type { SpdyStream } from '#base/spdy/stream.ts';
import { CHANNELS, channelMessage, CLOSING_PROTOCOL, readMessage, type StreamOptions } from './channels.ts';
import { dialSpdy } from './dial.ts';
import { acceptWebSocket, bytesOf, send } from './websockets.ts';
import type { Upgrade } from './upgrade.ts';

/** The newest that every runtime speaks; its error stream is a Status as JSON. */
const RUNTIME_PROTOCOL = 'v4.channel.k8s.io';

/** Resolves when the session has ended. @throws NotUpgraded, Error when the runtime cannot be reached; nothing was sent yet */
export async function translateCommand(upgrade: Upgrade, url: string, options: StreamOptions): Promise<void> {
  const { socket, head } = await dialSpdy(url, RUNTIME_PROTOCOL);
  const runtime = new SpdyConnection({ role: 'client', socket, head });
  try {
    const client = await acceptWebSocket(upgrade, CLOSING_PROTOCOL);
    if (client !== undefined) await pump(client, runtime, options);
  } finally {
    runtime.destroy();
  }
}

async function pump(client: WebSocket, runtime: SpdyConnection, { stdin, stdout, stderr, tty }: StreamOptions): Promise<void> {
  const open = (streamtype: string, wanted: boolean): SpdyStream | undefined => (wanted ? runtime.createStream({ streamtype }) : undefined);
  // Streams go by their type, and the runtime waits for all of them.
  const failure = runtime.createStream({ streamtype: 'error' });
  const input = open('stdin', stdin);
  const outputs = [
    { channel: CHANNELS.stdout, stream: open('stdout', stdout) },
    { channel: CHANNELS.stderr, stream: open('stderr', stderr && !tty) },
  ].flatMap(({ channel, stream }) => (stream === undefined ? [] : [{ channel, stream }]));
  const resize = open('resize', tty);

  client.on('message', (data) => {
    const message = readMessage(bytesOf(data));
    if (message.kind === 'close' && message.channel === CHANNELS.stdin) input?.end();
    if (message.kind !== 'data') return;
    const to = message.channel === CHANNELS.stdin ? input : message.channel === CHANNELS.resize ? resize : undefined;
    if (to === undefined || !to.writable || to.write(message.payload)) return;
    client.pause();
  });
  for (const each of [input, resize]) for (const event of ['drain', 'finish', 'close']) each?.on(event, () => client.resume());
  client.once('close', () => runtime.destroy());

  try {
    // Clients take the first message for the sign that the command runs.
    await send(client, Buffer.from([outputs[0]?.channel ?? CHANNELS.error]));
    await Promise.all(outputs.map(({ channel, stream }) => forward(client, channel, stream)));
    await forward(client, CHANNELS.error, failure);
    client.close(1000);
  } catch (error) {
    if (client.readyState !== client.OPEN) return; // it left: there is nobody to tell
    await send(client, channelMessage(CHANNELS.error, Buffer.from(JSON.stringify(internalError(error as Error)))));
    client.close(1000);
  }
}

/**
 * At the pace of the client. A stream that ended is left as it is: to reset it would write to a runtime that may have
 * closed already, and that failed write would end the connection before the command's status is read from it.
 * @throws Error when either side breaks off
 */
async function forward(client: WebSocket, channel: number, stream: SpdyStream): Promise<void> {
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of chunks) await send(client, channelMessage(channel, chunk));
  if (stream.failure !== undefined) throw stream.failure;
}

/** Source: apierrors.NewInternalError. */
function internalError({ message }: Error): Readonly<Record<string, unknown>> {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  };
}
