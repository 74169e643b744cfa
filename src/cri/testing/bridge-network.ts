// A pod network for a runtime of a test's own: a bridge with an address for each pod.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The runtime finds it in its own time. `leases`: the folder that remembers which addresses are taken. */
export function writeBridgeNetwork(
  cniConfigFolder: string,
  { subnet, leases }: { readonly subnet: string; readonly leases: string },
): void {
  const ipam = { type: 'host-local', ranges: [[{ subnet }]], dataDir: leases };
  const bridge = { type: 'bridge', bridge: 'test0', isGateway: true, ipMasq: false, ipam };
  writeFileSync(join(cniConfigFolder, '10-test.conflist'), JSON.stringify({ cniVersion: '0.4.0', name: 'test', plugins: [bridge] }));
}
