// An upgraded connection passed on to the runtime byte by byte: SPDY and all WebSocket protocols that it speaks itself.
// Source: apimachinery util/proxy UpgradeAwareHandler.
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { dial } from './dial.ts';
import type { Upgrade } from '#base/websocket.ts';

/** What concerns the connection to the API server only. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set(['host', 'authorization', 'content-length', 'transfer-encoding']);

/** Resolves when both sides have closed. @throws NotUpgraded, Error when the runtime does not upgrade; nothing was sent yet */
export async function relay({ request, socket, head }: Upgrade, url: string): Promise<void> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(request.headers)) if (value !== undefined && !NOT_PASSED_ON.has(name)) headers[name] = value;
  const runtime = await dial(url, request.method ?? 'POST', { ...repeated(request.rawHeaders, headers), 'content-length': '0' });
  const { statusCode = 101, rawHeaders } = runtime.answer;
  const lines: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`);
  socket.write(`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n${lines.join('')}\r\n`);
  if (runtime.head.length > 0) socket.write(runtime.head);
  if (head.length > 0) runtime.socket.write(head);
  await join(socket, runtime.socket);
}

/** A client names each protocol of its streams in a header of its own: they must not be folded into one. */
function repeated(raw: readonly string[], headers: Readonly<Record<string, string | string[]>>): Record<string, string | string[]> {
  const versions: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2)
    if (raw[i]?.toLowerCase() === 'x-stream-protocol-version') versions.push(raw[i + 1] as string);
  return versions.length > 0 ? { ...headers, 'x-stream-protocol-version': versions } : { ...headers };
}

/** Both ways until both sides are closed; one that closes takes the other with it, after what it still had to say. */
export function join(a: Duplex, b: Duplex): Promise<void> {
  const way = (from: Duplex, to: Duplex): Promise<void> =>
    new Promise((resolve) => {
      from.on('error', () => from.destroy()); // an error closes, and closing is what counts
      from.once('close', () => {
        to.end();
        resolve();
      });
      from.pipe(to);
    });
  return Promise.all([way(a, b), way(b, a)]).then(() => undefined);
}
