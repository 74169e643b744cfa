// What this machine says of itself: its name and the address it is reached at.
import { execFileSync } from 'node:child_process';
import { homedir, hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../settings/settings.ts';

interface Route {
  readonly dev?: string;
  readonly prefsrc?: string;
}

/** Defaults only the machine can give; a fact it cannot tell is left out. */
export function machineDefaults(env: NodeJS.ProcessEnv): Partial<Record<keyof Settings, string>> {
  const nodeIP = primaryAddress();
  const listed = env.KUBECONFIG?.split(':').find((file) => file !== '');
  return {
    nodeName: hostname().toLowerCase(),
    ...(nodeIP === undefined ? {} : { nodeIP }),
    kubeconfig: listed ?? join(homedir(), '.kube', 'config'),
  };
}

/** The IPv4 address of the interface that holds the default route, else the first one beyond loopback. */
function primaryAddress(): string | undefined {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).filter((a) => a.family === 'IPv4' && !a.internal).map((a) => ({ name, address: a.address })),
  );
  const route = defaultRoute();
  if (route?.prefsrc !== undefined) return route.prefsrc;
  return (addresses.find((a) => a.name === route?.dev) ?? addresses[0])?.address;
}

function defaultRoute(): Route | undefined {
  try {
    const [route] = JSON.parse(
      execFileSync('ip', ['-4', '-json', 'route', 'show', 'default'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    ) as Route[];
    return route;
  } catch {
    return undefined; // no iproute2 yet, or a kernel without routes: the interface list decides
  }
}
