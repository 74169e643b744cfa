// TCP probes: a connection can be made.
import { connect } from 'node:net';
import type { Clock } from '#base/clock.ts';
import { dialError, joinHostPort } from './go-errors.ts';
import type { ProbeResult } from './result.ts';

/** Source: probe/tcp DoTCPProbe. */
export function tcpProbe(host: string, port: number, timeoutMs: number, clock: Clock): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (result: ProbeResult): void => {
      cancelTimer();
      socket.destroy();
      resolve(result);
    };
    const cancelTimer = clock.after(timeoutMs, () =>
      settle({ kind: 'failure', output: `dial tcp ${joinHostPort(host, port)}: i/o timeout` }),
    );
    socket.once('connect', () => settle({ kind: 'success', output: '' }));
    socket.once('error', (error: NodeJS.ErrnoException) => settle({ kind: 'failure', output: dialError(error, joinHostPort(host, port)) }));
  });
}
