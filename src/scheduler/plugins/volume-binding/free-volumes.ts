// pure
// Free volumes in order, found by the host that they are tied to: a cluster of local volumes has some for each node, and asking
// each volume about each node takes seconds for one pod.
import type { Node, PersistentVolume } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { isReachable } from './reach.ts';

/** Places in the order of all, ascending. */
type Places = number[];

const NOWHERE: readonly number[] = [];

export class FreeVolumes {
  readonly #volumes: readonly PersistentVolume[];
  readonly #onHost = new Map<string, Places>();
  /** Not tied to any host. */
  readonly #elsewhere: Places = [];

  /** `volumes`: those that go first first. */
  constructor(volumes: readonly PersistentVolume[]) {
    this.#volumes = volumes;
    volumes.forEach((volume, place) => {
      const hosts = hostsOf(volume);
      if (hosts === undefined) this.#elsewhere.push(place);
      for (const host of hosts ?? []) {
        const places = this.#onHost.get(host);
        if (places === undefined) this.#onHost.set(host, [place]);
        else places.push(place);
      }
    });
  }

  /** The first that the node reaches and that is not taken. */
  first(node: Node, isTaken: (volume: PersistentVolume) => boolean): PersistentVolume | undefined {
    const here = this.#onHost.get(node.metadata.labels?.[LABEL.hostname] ?? '') ?? NOWHERE;
    for (let i = 0, j = 0; i < here.length || j < this.#elsewhere.length;) {
      const [tied, untied] = [here[i] ?? Infinity, this.#elsewhere[j] ?? Infinity];
      if (tied < untied) i++;
      else j++;
      const volume = this.#volumes[Math.min(tied, untied)] as PersistentVolume;
      if (!isTaken(volume) && isReachable(volume, node)) return volume;
    }
    return undefined;
  }
}

/** Values of the host label without which no node reaches the volume; `undefined` when some node may without. */
function hostsOf({ spec }: PersistentVolume): ReadonlySet<string> | undefined {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms;
  if (terms === undefined) return undefined;
  const hosts = new Set<string>();
  for (const { matchExpressions = [] } of terms) {
    const named = matchExpressions.find(({ key, operator }) => key === LABEL.hostname && operator === 'In');
    if (named === undefined) return undefined;
    for (const host of named.values ?? []) hosts.add(host);
  }
  return hosts;
}
