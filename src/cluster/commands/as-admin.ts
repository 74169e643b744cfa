// What a command asks of the cluster of this machine, in the administrator's name.
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { adminKubeconfigPath } from './kubeconfig.ts';

/** @throws CommandError when there is no cluster; StatusError, ConnectionError of the work */
export async function asAdmin<T>(options: Record<string, string | undefined>, work: (client: Client) => Promise<T>): Promise<T> {
  const deps = { clock: systemClock, logger: silentLogger, env: process.env, stdin: 'none' } as const;
  const transport = httpsTransport(loadKubeconfig(deps, { path: adminKubeconfigPath(options) }).https);
  try {
    return await work(createClient(transport));
  } finally {
    await transport.close();
  }
}
