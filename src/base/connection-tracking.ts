// How the kernel remembers connections that are translated.
import { availableParallelism } from 'node:os';
import type { Logger } from './log.ts';
import { raiseSysctl, setSysctl } from './sysctl.ts';

/** How long a connection is remembered that says nothing, and one that one side has closed. Seconds. */
export const [ESTABLISHED_SECONDS, CLOSE_WAIT_SECONDS] = [86_400, 3_600];

/** Connections that are tracked at a time; a kernel with little memory begins with fewer. */
export const [LEAST_TRACKED, TRACKED_PER_CORE] = [131_072, 32_768];

/**
 * Settings, and what may happen without. A segment outside of the window that the kernel believes in is not translated: it comes
 * to a machine or a container that knows no such connection, whose reset ends the true one. Its receiver knows better what to do
 * with it. Nor is what belongs to a connection that was forgotten. Source: kube-proxy conntrack.tcpBeLiberal,
 * tcpEstablishedTimeout, tcpCloseWaitTimeout, maxPerCore, min; kubernetes issues 74839, 32551.
 */
const SETTINGS = [
  ['tcp_be_liberal', 1, 'connections may be reset under load: the kernel stays strict about TCP windows'],
  ['tcp_timeout_established', ESTABLISHED_SECONDS, 'connections that say nothing are forgotten when the kernel thinks fit'],
  ['tcp_timeout_close_wait', CLOSE_WAIT_SECONDS, 'connections that one side has closed are forgotten when the kernel thinks fit'],
] as const;

const FEW = 'new connections may be dropped under load: the kernel tracks fewer than it should';

/** To be called once there are rules that track: the kernel has the settings from then on. What may not be set is told. */
export function trackConnections(logger: Logger): void {
  const attempt = (without: string, set: () => void): void => {
    try {
      set();
    } catch (error) {
      logger.warn(without, { error: error as Error });
    }
  };
  for (const [name, value, without] of SETTINGS) attempt(without, () => setSysctl(`net/netfilter/nf_conntrack_${name}`, String(value)));
  attempt(FEW, () => raiseSysctl('net/netfilter/nf_conntrack_max', Math.max(LEAST_TRACKED, TRACKED_PER_CORE * availableParallelism())));
}
