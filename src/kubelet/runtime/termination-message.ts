// What a container left behind to say why it ended.
import { open, type FileHandle } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import type { ContainerStatus } from '#cri/gen/objects.ts';
import { readNotes } from './labels.ts';

/** Source: kubecontainer.MaxContainerTerminationMessageLength; bytes. */
const MAX_BYTES = 4096;
/** Source: MaxContainerTerminationMessageLogLength, MaxContainerTerminationMessageLogLines. */
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;
/** A log line carries time, stream and tag before its text. */
const MAX_RAW_LOG_BYTES = 16 * 1024;

/** Empty for a container that runs or left nothing. Source: getTerminationMessage. */
export async function terminationMessage(status: ContainerStatus): Promise<string> {
  if (status.state !== 'CONTAINER_EXITED') return '';
  const notes = readNotes(status.annotations);
  const failed = status.exitCode !== 0 || status.reason === 'ContainerCannotRun';
  const fromLog = notes.terminationMessagePolicy === 'FallbackToLogsOnError' && failed;
  const path = status.mounts.find((mount) => mount.containerPath === notes.terminationMessagePath)?.hostPath;
  if (path !== undefined && notes.terminationMessagePath !== '') {
    const message = await readMessage(path);
    if (message !== '' || !fromLog) return message;
  }
  return fromLog ? readLogTail(status.logPath) : '';
}

async function readMessage(path: string): Promise<string> {
  try {
    return await readWith(path, async (file) => {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, MAX_BYTES));
      await file.read(bytes, 0, bytes.length, Math.max(0, size - bytes.length));
      return bytes.toString('utf8');
    });
  } catch (error) {
    return `Error on reading termination log ${path}: ${(error as Error).message}`;
  }
}

/** The text of the last lines of a CRI log. Source: readLastStringFromContainerLogs. */
async function readLogTail(path: string): Promise<string> {
  try {
    return await readWith(path, async (file) => {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.min(size, MAX_RAW_LOG_BYTES));
      await file.read(bytes, 0, bytes.length, Math.max(0, size - bytes.length));
      return logText(bytes.toString('utf8'), size > bytes.length);
    });
  } catch (error) {
    return `Error on reading termination message from logs: ${(error as Error).message}`;
  }
}

/** `cut`: the first line is not whole. */
export function logText(raw: string, cut: boolean): string {
  const lines = raw.split('\n').filter((line) => line !== '');
  const texts = lines
    .slice(cut ? 1 : 0)
    .slice(-MAX_LOG_LINES)
    .map((line) => {
      const [, , tag, ...rest] = line.split(' ');
      return rest.join(' ') + (tag === 'P' ? '' : '\n');
    });
  const bytes = Buffer.from(texts.join(''), 'utf8');
  // A character that the cut split is dropped.
  return bytes.length <= MAX_LOG_BYTES
    ? bytes.toString('utf8')
    : new StringDecoder('utf8').write(bytes.subarray(bytes.length - MAX_LOG_BYTES)).replace(/^�+/, '');
}

async function readWith<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}
