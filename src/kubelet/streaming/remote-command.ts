// A command's streams between a WebSocket client and the runtime, which speaks SPDY.
// Source: cri-streaming translator StreamTranslatorHandler, client-go remotecommand v4.
import type { WebSocket } from 'ws';
import { SpdyConnection } from '#base/spdy/connection.ts';
import type { SpdyStream } from '#base/spdy/stream.ts';
import { acceptWebSocket, bytesOf, send, type Upgrade } from '#base/websocket.ts';
import { CHANNELS, channelMessage, CLOSING_PROTOCOL, readMessage, type StreamOptions } from './channels.ts';
import { dialSpdy } from './dial.ts';

/** The newest that every runtime speaks; its error stream is a Status as JSON. */
const RUNTIME_PROTOCOL = 'v4.channel.k8s.io';

/** Bytes; it is one object with one message. */
const MOST_STATUS = 1 << 20;

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

  const turns = new InputTurns(client, runtime);
  client.on('message', (data) => {
    const message = readMessage(bytesOf(data));
    if (message.kind === 'close' && message.channel === CHANNELS.stdin) turns.add(() => input?.end());
    if (message.kind !== 'data') return;
    const to = message.channel === CHANNELS.stdin ? input : message.channel === CHANNELS.resize ? resize : undefined;
    if (to !== undefined) turns.add(() => to.write(message.payload));
  });
  client.once('close', () => runtime.destroy());

  try {
    // Clients take the first message for the sign that the command runs.
    await send(client, Buffer.from([outputs[0]?.channel ?? CHANNELS.error]));
    const [status] = await Promise.all([lastWord(failure), ...outputs.map(({ channel, stream }) => forward(client, channel, stream))]);
    if (status.length > 0) await send(client, channelMessage(CHANNELS.error, status));
  } catch (error) {
    if (client.readyState !== client.OPEN) return; // it left: there is nobody to tell
    await send(client, channelMessage(CHANNELS.error, Buffer.from(JSON.stringify(internalError(error as Error)))));
  }
  turns.end();
  client.close(1000);
}

/**
 * What the client says, one message at a time: the next only when the runtime has read the one before, which its answer
 * to a ping tells. A runtime that closes the connection then never has unread input, whose loss it would answer with a
 * reset: a write that met the reset would end the connection before the command's status is read from it.
 */
class InputTurns {
  readonly #client: WebSocket;
  readonly #runtime: SpdyConnection;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #ended = false;

  constructor(client: WebSocket, runtime: SpdyConnection) {
    this.#client = client;
    this.#runtime = runtime;
  }

  /** Messages that the paused client has already handed over wait; there are no more than one read of its socket holds. */
  add(say: () => void): void {
    if (this.#ended) return;
    this.#client.pause();
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      say();
      // Without an answer the connection is closed: how the command ended is for its streams to say.
      await this.#runtime.ping().catch(() => undefined);
      if (--this.#waiting === 0) this.#client.resume();
    });
  }

  /** The rest is dropped; the client is read on, to its own close. */
  end(): void {
    this.#ended = true;
    this.#client.resume();
  }
}

/**
 * At the pace of the client. A stream that ended is left as it is: to reset it would write to a runtime that may have
 * closed already. One that broke off ends here; why, the status tells.
 * @throws Error when the client breaks off
 */
async function forward(client: WebSocket, channel: number, stream: SpdyStream): Promise<void> {
  try {
    for await (const chunk of chunksOf(stream)) await send(client, channelMessage(channel, chunk));
  } catch (error) {
    if (error !== stream.errored) throw error;
  }
}

/**
 * What the runtime says of the command's end, whole. It may close the connection right behind it, so that the stream does
 * not end in order. @throws Error when it said nothing and the connection broke
 */
async function lastWord(stream: SpdyStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of chunksOf(stream)) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MOST_STATUS) throw new Error(`the container runtime's status is longer than ${MOST_STATUS} bytes`);
    }
  } catch (error) {
    if (size === 0 || error !== stream.errored) throw error;
  }
  if (size === 0 && stream.failure !== undefined) throw stream.failure;
  return Buffer.concat(chunks);
}

const chunksOf = (stream: SpdyStream): AsyncIterable<Buffer> => stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;

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
