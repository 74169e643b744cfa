// What a change of one Service costs beside many: `npm run bench:proxy -- [--services 5000] [--endpoints 4] [--changes 20] [--affinity]`.
// Rules go to the kernel of a namespace of its own. The peer is the same table written whole, as a proxy without differences would.
import '#test/harness/isolated.ts';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { systemClock } from '#base/clock.ts';
import { runProgram } from '#base/program.ts';
import type { EndpointSlice, Service } from '#api/types.ts';
import { type Fragment, serviceFragment } from '#proxy/nft/fragment.ts';
import { RuleState } from '#proxy/nft/rule-state.ts';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '5000' },
    endpoints: { type: 'string', default: '4' },
    changes: { type: 'string', default: '20' },
    affinity: { type: 'boolean', default: false },
  },
});
const [count, endpoints, changes] = [Number(values.services), Number(values.endpoints), Number(values.changes)];
if (!(count > 0 && count < 65_536 && endpoints > 0 && endpoints < 255 && changes > 0))
  throw new Error('--services (below 65536), --endpoints (below 255) and --changes are positive numbers');

const context = { node: { name: 'n1', zone: undefined }, nodeIPs: [], podCIDR: '10.244.0.0/16' };

/** The rules of Service `index` with its first `size` endpoints. */
function fragment(index: number, size: number): Fragment {
  const [high, low] = [Math.floor(index / 256), index % 256];
  const clusterIP = `10.96.${high}.${low}`;
  const name = `service-${index}`;
  const metadata = { name, namespace: 'shop', uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      type: 'ClusterIP',
      sessionAffinity: values.affinity ? 'ClientIP' : 'None',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
    },
    status: { loadBalancer: {} },
  };
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata,
    addressType: 'IPv4',
    endpoints: Array.from({ length: size }, (_, i) => ({ addresses: [`10.244.${low}.${i + 1}`], conditions: { ready: true } })),
    ports: [{ name: '', protocol: 'TCP', port: 8080 }],
  };
  return serviceFragment(service, [slice], context);
}

interface Cost {
  readonly decideMs: number;
  readonly writeMs: number;
  readonly bytes: number;
}

async function measure(decide: () => string): Promise<Cost> {
  const from = systemClock.monotonic();
  const script = decide();
  const decided = systemClock.monotonic();
  await runProgram('nft', ['-f', '-'], { input: Readable.from([script]) });
  return { decideMs: decided - from, writeMs: systemClock.monotonic() - decided, bytes: script.length };
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
const line = (what: string, { decideMs, writeMs, bytes }: Cost): void =>
  console.log(`${what.padEnd(40)} decided in ${decideMs.toFixed(2)} ms, in force after ${writeMs.toFixed(1)} ms more, ${bytes} bytes`);

const state = new RuleState(context.podCIDR);
const whole = await measure(() => {
  state.update(new Map(Array.from({ length: count }, (_, i) => [`shop/service-${i}`, fragment(i, endpoints)])));
  return state.whole();
});
line(`${count} Services, whole`, whole);

const costs: Cost[] = [];
for (let i = 0; i < changes; i++) {
  const index = Math.floor((i * count) / changes);
  costs.push(await measure(() => state.update(new Map([[`shop/service-${index}`, fragment(index, endpoints + 1)]]))));
}
const change: Cost = {
  decideMs: median(costs.map((c) => c.decideMs)),
  writeMs: median(costs.map((c) => c.writeMs)),
  bytes: median(costs.map((c) => c.bytes)),
};
line(`one of them changed (median of ${changes})`, change);
console.log(`the whole costs ${((whole.decideMs + whole.writeMs) / (change.decideMs + change.writeMs)).toFixed(0)} times a change`);
