// pure
// The channels of a remote command over WebSocket: the first byte of each message says which.
// Source: remotecommand websocket.go, constants StreamClose.

export const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** The message's second byte names a channel that its sender has ended. */
const CLOSE_SIGNAL = 255;

/** With the close signal, which the ones before lack. */
export const CLOSING_PROTOCOL = 'v5.channel.k8s.io';

/** SPDY frames inside binary messages. Source: constants WebsocketsSPDYTunnelingPrefix, PortForwardV1Name. */
export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';
export const TUNNEL_PROTOCOL = `SPDY/3.1+${PORT_FORWARD_PROTOCOL}`;

export type ChannelMessage =
  | { readonly kind: 'data'; readonly channel: number; readonly payload: Buffer }
  | { readonly kind: 'close'; readonly channel: number }
  | { readonly kind: 'empty' };

export function readMessage(message: Buffer): ChannelMessage {
  const channel = message[0];
  if (channel === undefined) return { kind: 'empty' };
  if (channel !== CLOSE_SIGNAL) return { kind: 'data', channel, payload: message.subarray(1) };
  const closed = message[1];
  return closed === undefined ? { kind: 'empty' } : { kind: 'close', channel: closed };
}

export const channelMessage = (channel: number, payload: Uint8Array): Buffer => Buffer.concat([Buffer.from([channel]), payload]);

/** Protocols that a WebSocket client offers, in its order. */
export function offeredProtocols(header: string | undefined): readonly string[] {
  return (header ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** Which streams a command has, as the client asked. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export const NO_STREAMS = 'you must specify at least 1 of stdin, stdout, stderr';

/** Undefined when there is none (NO_STREAMS). Source: remotecommand NewOptions. */
export function streamOptions(query: URLSearchParams): StreamOptions | undefined {
  const on = (name: string): boolean => query.get(name) === '1';
  const tty = on('tty');
  const options = { stdin: on('input'), stdout: on('output'), stderr: on('error') && !tty, tty };
  return options.stdin || options.stdout || options.stderr ? options : undefined;
}
