// pure
// Why a machine cannot join, in one line that names the way out.
import { isStatusError } from '#apimachinery/errors.ts';
import { isConditionTrue } from '#api/conditions.ts';
import type { Node } from '#api/types.ts';
import { ConnectionError } from '#client/contract.ts';
import { CommandError } from '../commands/command-error.ts';
import { AuthorityError } from './cluster-info.ts';

/** Of certificates that are good, but not at this machine's time. Source: OpenSSL verify codes, as Node names them. */
const AT_OTHER_TIMES: ReadonlySet<unknown> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** A CommandError where the cause is known; any other error as it is. `now` is in milliseconds since the epoch. */
export function joinRefusal(error: unknown, server: string, now: number): unknown {
  if (error instanceof AuthorityError) return new CommandError(error.message);
  if (error instanceof ConnectionError)
    return new CommandError(
      causesOf(error).some((cause) => AT_OTHER_TIMES.has((cause as NodeJS.ErrnoException).code))
        ? `the certificate of ${server} is not valid at this machine's time, ${new Date(now).toISOString()}: set the clock of whichever machine is wrong`
        : `${server} cannot be reached: ${error.message}`,
    );
  if (isStatusError(error, 'Unauthorized'))
    return new CommandError('the token is not known or has expired: make a new one with proa token create on the server');
  return error;
}

/** The error, what caused it, what caused that, … */
function causesOf(error: Error): readonly Error[] {
  return [error, ...(error.cause instanceof Error ? causesOf(error.cause) : [])];
}

/** Two machines under one name would be one node to the cluster. Source: kubeadm join, phases/kubelet.go. */
export function nameRefusal(node: Node | undefined): CommandError | undefined {
  if (node === undefined || !isConditionTrue(node.status.conditions, 'Ready')) return undefined;
  const { name } = node.metadata;
  return new CommandError(`another machine is node ${name} and Ready: choose another name with --node-name, or delete node ${name} first`);
}
