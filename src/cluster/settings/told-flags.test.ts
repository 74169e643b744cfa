import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from './resolve.ts';
import { apiServerFlags } from './told-flags.ts';

const MACHINE = { nodeName: 'boat', nodeIP: '192.0.2.1', kubeconfig: '/root/.kube/config' };

test("an API server tells its flags under upstream's names, with the values in use", () => {
  const flags = { port: '7443', 'event-ttl': '90m', 'authorization-mode': 'Node,RBAC', 'anonymous-auth': 'false' };
  const told = apiServerFlags(resolveSettings({ flags, file: undefined, machine: MACHINE }));
  assert.deepEqual(
    Object.fromEntries(
      ['secure-port', 'event-ttl', 'authorization-mode', 'anonymous-auth', 'max-requests-inflight', 'service-cluster-ip-range'].map(
        (name) => [name, told[name]],
      ),
    ),
    {
      'secure-port': '7443',
      'event-ttl': '1h30m0s',
      'authorization-mode': 'Node,RBAC',
      'anonymous-auth': 'false',
      'max-requests-inflight': '400',
      'service-cluster-ip-range': '10.96.0.0/12',
    },
  );
  assert.deepEqual(
    Object.keys(told).filter((name) => name.startsWith('kubelet-port')),
    [],
  );
});
