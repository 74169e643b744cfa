// What this machine says of itself: its name and the address it is reached at.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir, hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { SettingsSources } from '../settings/resolve.ts';

interface Route {
  readonly dev?: string;
  readonly prefsrc?: string;
}

/** Defaults only the machine can give; a fact it cannot tell is left out. */
export function machineDefaults(env: NodeJS.ProcessEnv): SettingsSources['machine'] {
  const nodeIP = primaryAddress('IPv4');
  const listed = env.KUBECONFIG?.split(':').find((file) => file !== '');
  return {
    nodeName: hostname().toLowerCase(),
    ...(nodeIP === undefined ? {} : { nodeIP }),
    nodeIPv6: () => primaryAddress('IPv6'),
    kubeconfig: listed ?? join(homedir(), '.kube', 'config'),
  };
}

/** Whether an interface of this machine has it. */
export function hasAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some((each) => each.address === address));
}

/** The address of the interface that holds the default route, else the first one beyond loopback and link. */
export function primaryAddress(family: 'IPv4' | 'IPv6'): string | undefined {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? [])
      .filter((a) => a.family === family && !a.internal && !a.address.startsWith('fe80:'))
      .map((a) => ({ name, address: a.address })),
  );
  if (addresses.length === 0) return undefined; // and iproute2 need not be asked
  const route = defaultRoute(family === 'IPv4' ? '-4' : '-6');
  if (route?.prefsrc !== undefined) return route.prefsrc;
  return (addresses.find((a) => a.name === route?.dev) ?? addresses[0])?.address;
}

function defaultRoute(family: '-4' | '-6'): Route | undefined {
  try {
    const [route] = JSON.parse(
      execFileSync('ip', [family, '-json', 'route', 'show', 'default'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as Route[];
    return route;
  } catch {
    return undefined; // no iproute2 yet, or a kernel without routes: the interface list decides
  }
}

/** Where distributions and upstream put CNI plugins. */
const CNI_BIN_FOLDERS = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni'];

export function cniBinFolders(): readonly string[] {
  const found = CNI_BIN_FOLDERS.filter((folder) => existsSync(join(folder, 'bridge')));
  return found.length === 0 ? CNI_BIN_FOLDERS.slice(0, 1) : found;
}

/** Source: linux/capability.h. */
const CAP_SYS_RESOURCE = 24n;

/** Whether a process of ours may lower oom_score_adj; without CAP_SYS_RESOURCE runc could not start a sandbox. */
export function mayLowerOomScore(): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & (1n << CAP_SYS_RESOURCE)) !== 0n;
}
