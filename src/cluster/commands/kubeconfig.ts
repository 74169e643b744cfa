// `proa kubeconfig`: the administrator's kubeconfig on standard output.
import { existsSync, readFileSync } from 'node:fs';
import { pathsOf } from '../instance/paths.ts';
import { CommandError, storedSettings } from './command-line.ts';

export function kubeconfig(options: Record<string, string | undefined>): void {
  process.stdout.write(readFileSync(adminKubeconfigPath(options), 'utf8'));
}

/** @throws CommandError when there is no cluster, or it never started */
export function adminKubeconfigPath(options: Record<string, string | undefined>): string {
  const { adminKubeconfig } = pathsOf(storedSettings(options));
  if (!existsSync(adminKubeconfig)) throw new CommandError('the cluster has not been started yet: run proa up');
  return adminKubeconfig;
}
