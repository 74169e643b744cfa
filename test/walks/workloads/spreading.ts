// Pods spread over zones and nodes: where a constraint says so, and by default where a Service selects them.
import assert from 'node:assert/strict';
import { deployment, evenly, idle, placesOf, type Space } from './space.ts';

export async function zones(space: Space): Promise<void> {
  await space.apply(deployment('even', 6, evenly('even', 'topology.kubernetes.io/zone')));
  await space.rolledOut('deployment/even');
  assert.equal(placesOf(await space.podsOf('even')), 'boat boat boat-2 boat-2 boat-3 boat-3');
  await space.kubectl(['scale', 'deployment/even', '--replicas=7']);
  await space.rolledOut('deployment/even');
  assert.equal(new Set((await space.podsOf('even')).map(({ spec }) => spec.nodeName)).size, 3);
}

export async function servicePods(space: Space): Promise<void> {
  // The emptiest node would take them all, were they not spread.
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  };
  const requests = { resources: { requests: { cpu: '1m' } } };
  await space.apply(service, deployment('web', 3, { containers: [idle(requests)] }));
  await space.rolledOut('deployment/web');
  assert.equal(placesOf(await space.podsOf('web')), 'boat boat-2 boat-3');
}
