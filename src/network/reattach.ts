// Plugs pods into a bridge that was made anew: when somebody removes the old one their cables stay behind, loose.
import { existsSync, readdirSync } from 'node:fs';
import { ProgramError, runNetworkProgram } from '#base/program.ts';
import { BRIDGE } from './cni-config.ts';
import { ipBatch } from './ip-batch.ts';
import { isOnLink } from './routes-plan.ts';

/** Where runtimes name the network namespaces of pods. */
const NAMESPACES = '/run/netns';

interface Cable {
  readonly ifindex: number;
  readonly ifname: string;
  readonly master?: string;
  /** Index of the other end, in its own namespace. */
  readonly link_index?: number;
  readonly addr_info?: readonly { readonly local: string }[];
}

/** Of pods in these networks: another's cables are left alone. @returns the cables' names */
export async function reattachPods(podCIDRs: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const loose = new Map((await cables([], signal)).filter(({ master }) => master === undefined).map((each) => [each.ifindex, each]));
  if (loose.size === 0 || !existsSync(NAMESPACES)) return [];
  const ours: string[] = [];
  for (const namespace of readdirSync(NAMESPACES)) {
    for (const { link_index: index, addr_info: addresses = [] } of await cables(['-n', namespace], signal)) {
      const cable = index === undefined ? undefined : loose.get(index);
      if (cable !== undefined && addresses.some(({ local }) => isOnLink(local, podCIDRs))) ours.push(cable.ifname);
    }
  }
  if (ours.length > 0)
    await ipBatch(
      ours.flatMap((name) => [`link set ${name} master ${BRIDGE} up`, `link set ${name} type bridge_slave hairpin on`]),
      signal,
    );
  return ours;
}

/** None of a namespace that is gone, or no namespace. */
async function cables(where: readonly string[], signal: AbortSignal): Promise<readonly Cable[]> {
  try {
    const text = await runNetworkProgram('ip', ['-json', ...where, 'address', 'show', 'type', 'veth'], { signal });
    return text.trim() === '' ? [] : (JSON.parse(text) as readonly Cable[]).filter(({ ifname }) => ifname !== undefined);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return [];
  }
}
