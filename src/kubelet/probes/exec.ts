// Exec probes: a command in the container ends with 0.
import { CriError } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import { MAX_OUTPUT_BYTES, type ProbeResult } from './result.ts';

/** Source: probe/exec Probe. */
export async function execProbe(
  runtime: RuntimeService,
  containerId: string,
  cmd: readonly string[],
  timeoutSeconds: number,
): Promise<ProbeResult> {
  try {
    const { stdout, stderr, exitCode } = await runtime.execSync({ containerId, cmd, timeout: timeoutSeconds });
    const output = Buffer.concat([stdout, stderr]).subarray(0, MAX_OUTPUT_BYTES).toString('utf8');
    return exitCode === 0 ? { kind: 'success', output } : { kind: 'failure', output };
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    if (error.code === 'DeadlineExceeded') return { kind: 'failure', output: `command "${cmd.join(' ')}" timed out` };
    return { kind: 'unknown', error: error.message };
  }
}
