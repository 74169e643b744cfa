// `proa why pod/NAME`: why a pod is not running or not ready, and what would change that.
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { createClient } from '#client/client.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import type { Explanation } from '../why/contract.ts';
import { render } from '../why/render.ts';
import { adminKubeconfigPath } from './kubeconfig.ts';
import { CommandError } from './command-line.ts';

const POD = /^(?:pods?|po)\/(.+)$/;

/** @throws CommandError */
export async function why(target: string, options: Record<string, string | undefined>): Promise<void> {
  const name = POD.exec(target)?.[1] ?? target;
  if (name.includes('/')) throw new CommandError(`${target} is no pod: write pod/NAME`);
  const { output = 'text' } = options;
  if (output !== 'text' && output !== 'json') throw new CommandError(`--output ${output} is neither text nor json`);
  const deps = { clock: systemClock, logger: silentLogger, env: process.env, stdin: 'none' } as const;
  const config = loadKubeconfig(deps, { path: options['kubeconfig'] ?? adminKubeconfigPath(options) });
  const namespace = options['namespace'] ?? config.namespace;
  const transport = httpsTransport(config.https);
  try {
    const path = `/proa/why/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
    const explanation = await createClient(transport).getPath<Explanation>(path);
    process.stdout.write(output === 'json' ? `${JSON.stringify(explanation, undefined, 2)}\n` : render(explanation));
  } catch (error) {
    if (isStatusError(error)) throw new CommandError(error.message);
    throw error;
  } finally {
    await transport.close();
  }
}
