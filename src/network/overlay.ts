// The VXLAN device of a node and what the kernel knows of its far ends.
import { runNetworkProgram } from '#base/program.ts';
import { ipBatch } from './ip-batch.ts';
import type { Peer } from './routes-plan.ts';
import { deviceLines, forwardingLines, neighbourLines, removalLines, type TunnelEnd, VXLAN } from './vxlan-plan.ts';

export class Overlay {
  /** As the kernel was last told; undefined when there may be others of an earlier run. */
  #told: { readonly end: string; readonly peers: readonly Peer[] } | undefined;

  /** Brings the tunnel to `peers`; without any the device goes. @throws ProgramError */
  async bring(end: TunnelEnd, peers: readonly Peer[], signal: AbortSignal): Promise<void> {
    const wanted = JSON.stringify(end);
    const told = this.#told;
    this.#told = undefined; // until all of it has succeeded
    if (peers.length > 0 || told === undefined || told.peers.length > 0) {
      const fresh = told === undefined || told.end !== wanted || told.peers.length === 0 || peers.length === 0;
      if (fresh) await this.#remake(end, peers.length > 0, signal);
      const key = ({ end, podCIDR }: Peer): string => `${end} ${podCIDR}`;
      const now = new Set(peers.map(key));
      const gone = fresh ? [] : (told?.peers ?? []).filter((peer) => !now.has(key(peer)));
      const removed = removalLines(gone);
      const ipLines = [...removed.ip, ...neighbourLines(peers)];
      if (ipLines.length > 0) await ipBatch(ipLines, signal);
      const bridgeLines = [...removed.bridge, ...forwardingLines(peers)];
      if (bridgeLines.length > 0) await ipBatch(bridgeLines, signal, 'bridge');
    }
    this.#told = { end: wanted, peers };
  }

  /** A device cannot change its own address: it is made anew, and routes through it follow. */
  async #remake(end: TunnelEnd, wanted: boolean, signal: AbortSignal): Promise<void> {
    const links = JSON.parse(await runNetworkProgram('ip', ['-json', 'link', 'show'], { signal })) as readonly {
      readonly ifname: string;
    }[];
    const present = links.some(({ ifname }) => ifname === VXLAN);
    const lines = [...(present ? [`link del ${VXLAN}`] : []), ...(wanted ? deviceLines(end) : [])];
    if (lines.length > 0) await ipBatch(lines, signal);
  }
}
