// What a component that runs alone works with: its flags, and the API server by the kubeconfig it was given.
import { readFileSync } from 'node:fs';
import { systemClock, type Clock } from '#base/clock.ts';
import { type Ids, randomIds } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Transport } from '#client/contract.ts';
import type { RequestMetrics } from '#client/https/request-metrics.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { userAgent } from '#client/https/user-agent.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { CommandError } from '../commands/command-line.ts';
import { openLog } from '../log.ts';
import { runProcess, stopSignal, type Work } from '../node/process.ts';
import type { Flags } from './flags.ts';

export interface ComponentContext {
  readonly flags: Flags;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Run when the component ends, the last first. */
  readonly stops: (() => Promise<void> | void)[];
}

/** Runs `start`, then until SIGTERM, or until the work that it gives ends: with status 1 when it broke. */
export async function runComponent(flags: Flags, start: (context: ComponentContext) => Promise<Work | void>): Promise<void> {
  const logger = openLog(flags.logLevel());
  const signal = stopSignal();
  await runProcess({ logger, signal }, (stops) => start({ flags, clock: systemClock, ids: randomIds, logger, signal, stops }));
}

/** The API server of `--kubeconfig`, asked as `component`; `metrics` count what is asked of it. @throws KubeconfigError */
export function transportOf({ flags, clock, logger }: ComponentContext, component: string, metrics?: RequestMetrics): Transport {
  const deps = { clock, logger, env: process.env, stdin: 'none' } as const;
  const { https } = loadKubeconfig(deps, { path: flags.text('kubeconfig') });
  return httpsTransport({ ...https, userAgent: userAgent(component), ...(metrics === undefined ? {} : { metrics }) });
}

/** The text of the file a flag names. @throws CommandError when it cannot be read */
export function fileOf({ flags }: Pick<ComponentContext, 'flags'>, name: string): string {
  const path = flags.text(name);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`--${name} ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
