// `/logs/`: the machine's log files, as Go's file server shows a folder. Source: Kubelet.ServeLogs, net/http FileServer.
import { createReadStream } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isSystemError } from '#base/system-error.ts';
import { answerWhole, Refusal } from './answers.ts';

/** Bytes that tell text from other files. Source: http.DetectContentType. */
const SNIFFED = 512;

/** `path` is what follows `/logs`. @throws Refusal 404, 301, 403; nothing was sent then, or the answer must be broken off */
export async function serveLogFiles(response: ServerResponse, folder: string, path: string): Promise<void> {
  const inside = posix.normalize(`/${decoded(path)}`); // it cannot lead above the root
  const name = join(folder, inside);
  try {
    const found = await stat(name);
    if (found.isDirectory()) return await serveFolder(response, name, inside);
    if (!found.isFile() || inside.endsWith('/')) throw new Refusal(404, '404 page not found\n');
    await serveFile(response, name, found);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'EACCES') throw new Refusal(403, '403 Forbidden\n');
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG')
      throw new Refusal(404, '404 page not found\n');
    throw error;
  }
}

function decoded(path: string): string {
  try {
    const text = decodeURIComponent(path);
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  throw new Refusal(404, '404 page not found\n');
}

async function serveFolder(response: ServerResponse, name: string, inside: string): Promise<void> {
  if (!inside.endsWith('/')) throw new Refusal(301, '', { Location: `${encodeURIComponent(posix.basename(inside))}/` });
  const entries = (await readdir(name, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  const rows = names.map((entry) => `<a href="${encodeURI(entry)}">${escaped(entry)}</a>\n`);
  const body = `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${rows.join('')}</pre>\n`;
  answerWhole(response, { type: 'text/html; charset=utf-8', body });
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] as string);

/** Codes of an answer that whoever asked reads no further. */
const HAS_LEFT: ReadonlySet<unknown> = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ECONNRESET']);

/** As long as it is now: a log that grows meanwhile ends here. */
async function serveFile(
  response: ServerResponse,
  name: string,
  { size, mtime }: { readonly size: number; readonly mtime: Date },
): Promise<void> {
  const file = await open(name, 'r');
  try {
    response.writeHead(200, {
      'Content-Type': await contentType(file),
      'Content-Length': size,
      'Last-Modified': mtime.toUTCString(),
    });
    if (size === 0) response.end();
    else await pipeline(createReadStream('', { fd: file, start: 0, end: size - 1, autoClose: false }), response);
  } catch (error) {
    if (!HAS_LEFT.has((error as NodeJS.ErrnoException).code)) throw error;
  } finally {
    await file.close();
  }
}

/** Control characters that text has. */
const TEXT_CONTROLS: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d, 0x1b]);

async function contentType(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFFED), 0, SNIFFED, 0);
  const isText = buffer.subarray(0, bytesRead).every((byte) => byte >= 0x20 || TEXT_CONTROLS.has(byte));
  return isText ? 'text/plain; charset=utf-8' : 'application/octet-stream';
}
