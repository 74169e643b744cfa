// A cluster whose kubelet has the file that kubeadm writes, and what a node says of itself over its own server.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCluster } from '../harness/cluster.ts';
import { temporaryFolder } from '../harness/temp.ts';

/** Zeros stand for what is not given; systemd does not run here, and the runtime is not left to it. */
const FILE = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {cacheTTL: 0s, enabled: true}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
authorization: {mode: Webhook, webhook: {cacheAuthorizedTTL: 0s, cacheUnauthorizedTTL: 0s}}
cgroupDriver: systemd
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
crashLoopBackOff: {}
evictionPressureTransitionPeriod: 0s
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
shutdownGracePeriod: 0s
cpuManagerPolicy: static
kubeReserved: {cpu: 200m}
`;

test('a node runs by the configuration that kubeadm writes, and tells what it runs by', async (t) => {
  const file = join(temporaryFolder(t), 'kubelet.yaml');
  writeFileSync(file, FILE);
  const { kubectl } = await startCluster(t, [`--kubelet-config=${file}`]);
  await kubectl.succeed(['wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=60s']);
  const node = (await kubectl.succeed(['get', 'nodes', '-o', 'name'])).trim().replace('node/', '');
  const raw = (path: string): Promise<string> => kubectl.succeed(['get', '--raw', `/api/v1/nodes/${node}/proxy/${path}`]);
  const { kubeletconfig } = JSON.parse(await raw('configz')) as { readonly kubeletconfig: Readonly<Record<string, unknown>> };
  for (const [name, value] of Object.entries({
    cgroupDriver: 'cgroupfs',
    cpuManagerPolicy: 'static',
    nodeStatusUpdateFrequency: '10s',
    evictionPressureTransitionPeriod: '5m0s',
    clusterDNS: ['10.96.0.10'],
  }))
    assert.deepEqual(kubeletconfig[name], value, name);
  assert.match(await raw('statusz'), /^Binary version: 1\.36\.0$/m);
  assert.match(await raw('flagz'), /^config=.*kubelet\.yaml$/m);
});
