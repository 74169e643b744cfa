// Whether the container runtime that the settings name is one a kubelet can work with.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { CriError } from '#cri/errors.ts';
import { CNI_PLUGINS } from '#network/cni-config.ts';
import { cniFolders, usesSystemdCgroups } from '../runtime/runtime-info.ts';

/** A runtime that does well answers in milliseconds; a loaded machine may take far longer. Milliseconds. */
const ANSWER_MS = 10_000;

/** There where systemd is the machine's first program. Source: sd_booted. */
const SYSTEMD_RUNS = '/run/systemd/system';

/** One line, what is wrong and the way out; undefined when it answers as it should. `endpoint`: a path, or `unix://` and one. */
export async function runtimeProblem(endpoint: string, clock: Clock): Promise<string | undefined> {
  const socket = endpoint.replace(/^unix:\/\//, '');
  const wayOut = 'or leave --container-runtime-endpoint out and Proa runs its own';
  if (!existsSync(socket)) return `${socket} does not exist: check --container-runtime-endpoint, ${wayOut}`;
  const { connectCri } = await import('#cri/client.ts');
  const cri = connectCri({ endpoint: `unix://${socket}`, clock, logger: silentLogger });
  try {
    await cri.runtime.version({}, { timeoutMs: ANSWER_MS });
    const { info } = await cri.runtime.status({ verbose: true }, { timeoutMs: ANSWER_MS });
    if (usesSystemdCgroups(info) && !existsSync(SYSTEMD_RUNS))
      return `the container runtime on ${socket} leaves cgroups to systemd, which does not run here: set SystemdCgroup = false in its configuration, ${wayOut}`;
    return pluginProblem(cniFolders(info).binDirs, wayOut);
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    if (error.code === 'Unimplemented')
      return `what listens on ${socket} does not speak CRI v1: switch that on (containerd 1.6 and newer have it), ${wayOut}`;
    if (error.code === 'DeadlineExceeded')
      return `the container runtime on ${socket} does not answer within ${ANSWER_MS / 1000} s: restart it, ${wayOut}`;
    return `no container runtime answers on ${socket} (${error.details}): start it, ${wayOut}`;
  } finally {
    cri.close();
  }
}

/** `folders`: where the runtime searches; undefined where it does not tell. */
function pluginProblem(folders: readonly string[] | undefined, wayOut: string): string | undefined {
  if (folders === undefined) return undefined;
  const missing = CNI_PLUGINS.filter((plugin) => !folders.some((folder) => existsSync(join(folder, plugin))));
  return missing.length === 0
    ? undefined
    : `the container runtime finds no CNI plugins ${missing.join(', ')} in ${folders.join(', ')}: put them there, name their folder in its configuration (bin_dir), ${wayOut}`;
}
