// `/containerLogs/{namespace}/{pod}/{container}`. Source: getContainerLogs, GetKubeletContainerLogs.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#base/clock.ts';
import { isNotFound } from '#cri/errors.ts';
import { findContainer } from '../../pod/containers.ts';
import { Refusal } from '../answers.ts';
import { LogUnavailable, type KubeletHost } from '../contract.ts';
import { logOptions } from './options.ts';
import { readLog } from './read-log.ts';

export interface LogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly query: URLSearchParams;
}

/** Resolves when all was sent or the client has left. @throws Refusal */
export async function serveContainerLog(
  { namespace, pod: podName, container, query }: LogRequest,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  { host, clock }: { readonly host: KubeletHost; readonly clock: Clock },
): Promise<void> {
  const options = logOptions(query, clock.now());
  const pod = host.pod(namespace, podName);
  if (pod === undefined) throw new Refusal(404, `pod "${podName}" does not exist`);
  if (findContainer(pod, container) === undefined) throw new Refusal(404, `container "${container}" not found in pod "${podName}"`);
  const leaving = new AbortController();
  response.once('close', () => leaving.abort());
  try {
    const { containerId, path, running } = await host.logTarget(pod, container, options.previous);
    const source = { path, tailLines: options.tailLines, clock, signal: leaving.signal };
    const lines = readLog(options.follow && running ? { ...source, running: () => isRunning(host, containerId) } : source, options);
    // The head is sent with the first piece: until then a refusal is still possible.
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
      if (!response.headersSent) begin(response);
      if (!response.write(next.value)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      if (leaving.signal.aborted) return void (await lines.return());
    }
  } catch (error) {
    if (leaving.signal.aborted) return;
    if (response.headersSent) throw error;
    throw error instanceof LogUnavailable || (error as NodeJS.ErrnoException).syscall !== undefined
      ? new Refusal(400, noFile(error as Error) ?? (error as Error).message)
      : error;
  }
  if (request.destroyed && leaving.signal.aborted) return;
  if (!response.headersSent) begin(response);
  response.end();
}

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/plain' });
  response.flushHeaders();
}

/** Source: ReadLogs, evalSymlinks' error. */
function noFile(error: Error & { readonly path?: string; readonly code?: string }): string | undefined {
  if (error.code !== 'ENOENT') return undefined;
  return `failed to try resolving symlinks in path "${error.path}": lstat ${error.path}: no such file or directory`;
}

async function isRunning({ cri }: KubeletHost, containerId: string): Promise<boolean> {
  try {
    const { status } = await cri.runtime.containerStatus({ containerId });
    return status?.state === 'CONTAINER_RUNNING';
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
