// postStart and preStop hooks.
import { wait, type Clock } from '#base/clock.ts';
import type { Container, LifecycleHandler, Pod } from '#api/types.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import { CriError } from '#cri/errors.ts';
import { podFullName, podLabel } from '../pod/identity.ts';
import { httpGet, targetUrl, type HttpTarget } from '../probes/http.ts';
import { httpTarget, PortError } from '../probes/target.ts';

/** A hook that failed; the message may hold what a server said, so it is not shown in events. */
export class HookError extends Error {
  override readonly name = 'HookError';
}

export interface HookCall {
  readonly handler: LifecycleHandler;
  readonly pod: Pod;
  readonly container: Container;
  /** Bare id. */
  readonly containerId: string;
  readonly podIP: string;
  readonly signal?: AbortSignal;
}

/** Source: lifecycle handlers.go. */
const USER_AGENT = 'kube-lifecycle/1.36';
/** A hook without an end is ended with the container's grace period; this only bounds a server that never answers. */
const HTTP_TIMEOUT_MS = 3_600_000;

/** @throws HookError; Source: handlerRunner.Run */
export async function runHook(call: HookCall, runtime: RuntimeService, clock: Clock): Promise<void> {
  const { handler, pod, container, containerId, podIP, signal } = call;
  const about = `Container "${container.name}" in Pod "${podLabel(pod)}"`;
  if (handler.exec !== undefined) {
    const cmd = handler.exec.command ?? [];
    try {
      const { exitCode, stdout, stderr } = await runtime.execSync({ containerId, cmd, timeout: 0 }, signal === undefined ? {} : { signal });
      if (exitCode === 0) return;
      const output = Buffer.concat([stdout, stderr]).toString('utf8');
      throw new HookError(
        `Exec lifecycle hook (${JSON.stringify(cmd)}) for ${about} failed - error: command '${cmd.join(' ')}' exited with ${exitCode}: ${output}, message: "${output}"`,
      );
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      throw new HookError(`Exec lifecycle hook (${JSON.stringify(cmd)}) for ${about} failed - error: ${error.message}, message: ""`);
    }
  }
  if (handler.httpGet !== undefined) return runHttp(handler.httpGet, call, clock);
  if (handler.sleep !== undefined) {
    await wait(clock, Number(handler.sleep.seconds) * 1000, signal);
    return;
  }
  throw new HookError(`Invalid handler: ${JSON.stringify(handler)} for ${podFullName(pod)}/${container.name}, ip ${podIP}`);
}

/** Any answer will do; one to HTTPS in plain HTTP is asked again in HTTP. Source: runHTTPHandler. */
async function runHttp(
  action: NonNullable<LifecycleHandler['httpGet']>,
  { container, pod, podIP, signal }: HookCall,
  clock: Clock,
): Promise<void> {
  const fail = (error: Error): HookError =>
    new HookError(
      `HTTP lifecycle hook (${action.path}) for Container "${container.name}" in Pod "${podLabel(pod)}" failed - error: ${error.message}, message: ""`,
    );
  let target: HttpTarget;
  try {
    target = httpTarget(action, container, podIP);
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    throw fail(error);
  }
  const get = async (to: HttpTarget): Promise<void> => {
    await httpGet({ target: to, userAgent: USER_AGENT, timeoutMs: HTTP_TIMEOUT_MS, clock, ...(signal === undefined ? {} : { signal }) });
  };
  try {
    await get(target);
  } catch (error) {
    if (!(error as Error).message.includes('server gave HTTP response to HTTPS client')) throw fail(error as Error);
    const plain = {
      ...target,
      scheme: 'http' as const,
      headers: target.headers.filter(({ name }) => name.toLowerCase() !== 'authorization'),
    };
    try {
      await get(plain);
    } catch (second) {
      throw new HookError(`${targetUrl(plain)}: ${(second as Error).message}`);
    }
  }
}
