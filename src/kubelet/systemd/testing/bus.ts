// A message bus of its own for one test, and services on it that answer as the test says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Owner } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { decodeMessage, encodeMessage, type Message, messageLength } from '../dbus-messages.ts';
import type { Value } from '../dbus-values.ts';

const CONFIGURATION = (socket: string): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=${socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** Path of the socket of a dbus-daemon, which ends with the test. */
export async function startBus(owner: Owner): Promise<string> {
  const folder = temporaryFolder(owner);
  const socket = join(folder, 'bus');
  const file = join(folder, 'bus.conf');
  writeFileSync(file, CONFIGURATION(socket));
  const daemon = spawn('dbus-daemon', [`--config-file=${file}`, '--nofork', '--nopidfile', '--nosyslog', '--print-address'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  owner.after(async () => {
    daemon.kill();
    if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit');
  });
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const failed = once(daemon, 'exit').then(() => Promise.reject(new Error(`dbus-daemon ended: ${said}`)));
  failed.catch(() => {}); // it ends with the test
  await Promise.race([once(daemon.stdout, 'data'), failed]); // the address, once it listens
  return socket;
}

/** What a call is answered with: values by signature, or an error's name and message. */
export type Reply =
  | { readonly signature: string; readonly body: readonly Value[] }
  | { readonly errorName: string; readonly message: string };

export interface Service {
  /** `Member` and arguments of every call, in order. */
  readonly calls: (readonly [member: string, body: readonly Value[]])[];
  emit(signal: Required<Pick<Message, 'path' | 'interface' | 'member' | 'signature' | 'body'>>): void;
  close(): void;
}

/** Owns `name` on the bus and answers calls to it; without an answer of `reply` they get an empty one. */
export async function serve(
  owner: Owner,
  socketPath: string,
  name: string,
  reply: (member: string, body: readonly Value[]) => Reply | undefined,
): Promise<Service> {
  const socket = createConnection(socketPath);
  owner.after(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.() ?? 0)).toString('hex')}\r\n`);
  await once(socket, 'data');
  socket.write('BEGIN\r\n');

  const calls: Service['calls'] = [];
  let serial = 0;
  const send = (message: Omit<Message, 'serial'>): void => void socket.write(encodeMessage({ ...message, serial: ++serial }));
  const owned = new Promise<void>((resolve) => {
    receive(socket, (message) => {
      if (message.kind === 'return' && message.replySerial === 2) resolve();
      if (message.kind !== 'call' || message.sender === undefined) return;
      calls.push([message.member ?? '', message.body]);
      const answer = reply(message.member ?? '', message.body) ?? { signature: '', body: [] };
      const to = { destination: message.sender, replySerial: message.serial };
      if ('errorName' in answer) send({ kind: 'error', ...to, errorName: answer.errorName, signature: 's', body: [answer.message] });
      else send({ kind: 'return', ...to, ...answer });
    });
  });
  const bus = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };
  send({ kind: 'call', ...bus, member: 'Hello', signature: '', body: [] });
  send({ kind: 'call', ...bus, member: 'RequestName', signature: 'su', body: [name, 0] });
  await owned;
  return { calls, emit: (signal) => send({ kind: 'signal', ...signal }), close: () => void socket.destroy() };
}

function receive(socket: Socket, each: (message: Message) => void): void {
  let read: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    read = Buffer.concat([read, chunk]);
    for (let length = messageLength(read); length !== undefined && length <= read.length; length = messageLength(read)) {
      each(decodeMessage(read.subarray(0, length)));
      read = read.subarray(length);
    }
  });
}
