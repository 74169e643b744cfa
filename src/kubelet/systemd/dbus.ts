// A connection to a message bus of D-Bus: calls and signals, no file descriptors.
import { createConnection, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Clock } from '#base/clock.ts';
import { decodeMessage, encodeMessage, type Message, messageLength } from './dbus-messages.ts';
import { DbusFormatError, type Value } from './dbus-values.ts';

/** A call was refused, or the bus cannot be reached. */
export class DbusError extends Error {
  override readonly name = 'DbusError';
  /** `org.freedesktop.systemd1.UnitExists`; empty when it is not the bus that says so. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly Value[];
}

export type Signal = Pick<Message, 'path' | 'interface' | 'member' | 'body'>;

export interface Bus {
  /** What is answered. @throws DbusError */
  call(call: Call): Promise<readonly Value[]>;
  /** Of signals that `rule` matches, until the connection ends. @throws DbusError */
  follow(
    rule: { readonly path: string; readonly interface: string; readonly member: string },
    seen: (signal: Signal) => void,
  ): Promise<void>;
  /** Resolves once the connection has ended, whoever ended it. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Source: D-Bus specification, system message bus. */
const SYSTEM_BUS = '/run/dbus/system_bus_socket';
const BUS = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };
/** Longest wait for an answer, milliseconds. Source: dbus_connection_send_with_reply. */
const CALL_MS = 25_000;
/** Bytes of an answer to who we are. */
const MOST_GREETING = 4096;

/** @throws DbusError when there is no bus, or it does not let us in */
export async function connectBus(clock: Clock, socketPath = SYSTEM_BUS): Promise<Bus> {
  const socket = createConnection(socketPath);
  try {
    await once(socket, 'connect');
    const connection = new BusConnection(socket, await greet(socket, clock), clock);
    await connection.call({ ...BUS, member: 'Hello' });
    return connection;
  } catch (error) {
    socket.destroy();
    if (error instanceof DbusError) throw error;
    throw new DbusError('', `dial unix ${socketPath}: ${(error as Error).message}`, { cause: error });
  }
}

/** What came after the bus let us in. Source: D-Bus specification, Authentication Protocol, EXTERNAL. */
async function greet(socket: Socket, clock: Clock): Promise<Buffer> {
  const cancel = clock.after(CALL_MS, () => socket.destroy(new Error('the bus does not answer')));
  try {
    return await letIn(socket);
  } finally {
    cancel();
  }
}

async function letIn(socket: Socket): Promise<Buffer> {
  const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
  socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
  let read = Buffer.alloc(0);
  while (!read.includes('\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    read = Buffer.concat([read, chunk]);
    if (read.length > MOST_GREETING) throw new DbusError('', 'the bus does not say whether it lets us in');
  }
  const end = read.indexOf('\r\n');
  const answer = read.toString('latin1', 0, end);
  if (!answer.startsWith('OK ')) throw new DbusError('', `dbus: authentication failed: ${answer}`);
  socket.write('BEGIN\r\n');
  return read.subarray(end + 2);
}

interface Waiting {
  readonly resolve: (body: readonly Value[]) => void;
  readonly reject: (error: DbusError) => void;
}

class BusConnection implements Bus {
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  readonly #followers: { readonly matches: (message: Message) => boolean; readonly seen: (signal: Signal) => void }[] = [];
  #read: Buffer;
  #serial = 0;

  constructor(socket: Socket, read: Buffer, clock: Clock) {
    this.#socket = socket;
    this.#read = read;
    this.#clock = clock;
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#waiting.values()) reject(new DbusError('', 'dbus: connection closed'));
        this.#waiting.clear();
        resolve();
      });
    });
    socket.on('error', () => socket.destroy()); // `close` follows
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
  }

  call({ signature = '', body = [], ...to }: Call): Promise<readonly Value[]> {
    if (this.#socket.destroyed) return Promise.reject(new DbusError('', 'dbus: connection closed'));
    const serial = ++this.#serial;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(CALL_MS, () => {
        this.#waiting.delete(serial);
        reject(new DbusError('org.freedesktop.DBus.Error.NoReply', `${to.member} was not answered in time`));
      });
      this.#waiting.set(serial, {
        resolve: (answer) => (cancel(), resolve(answer)),
        reject: (error) => (cancel(), reject(error)),
      });
      this.#socket.write(encodeMessage({ kind: 'call', serial, ...to, signature, body }));
    });
  }

  async follow(rule: Parameters<Bus['follow']>[0], seen: (signal: Signal) => void): Promise<void> {
    this.#followers.push({
      matches: ({ path, interface: from, member }) => path === rule.path && from === rule.interface && member === rule.member,
      seen,
    });
    const { path, interface: from, member } = rule;
    const text = `type='signal',path='${path}',interface='${from}',member='${member}'`;
    await this.call({ ...BUS, member: 'AddMatch', signature: 's', body: [text] });
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    this.#read = Buffer.concat([this.#read, chunk]);
    try {
      for (
        let length = messageLength(this.#read);
        length !== undefined && length <= this.#read.length;
        length = messageLength(this.#read)
      ) {
        const message = decodeMessage(this.#read.subarray(0, length));
        this.#read = this.#read.subarray(length);
        this.#dispatch(message);
      }
    } catch (error) {
      if (!(error instanceof DbusFormatError)) throw error;
      this.#socket.destroy(); // what comes next cannot be told apart
    }
  }

  #dispatch(message: Message): void {
    const { kind, replySerial, body } = message;
    if (kind === 'signal') {
      for (const { matches, seen } of this.#followers) if (matches(message)) seen(message);
      return;
    }
    const waiting = replySerial === undefined ? undefined : this.#waiting.get(replySerial);
    if (waiting === undefined || replySerial === undefined) return;
    this.#waiting.delete(replySerial);
    if (kind === 'return') waiting.resolve(body);
    else waiting.reject(new DbusError(message.errorName ?? '', typeof body[0] === 'string' ? body[0] : (message.errorName ?? '')));
  }
}
