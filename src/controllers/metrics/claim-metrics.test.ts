import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { ClaimMetrics } from './claim-metrics.ts';

const claim = (annotation?: string, allocated = false, adminAccess = false): ResourceClaim =>
  ({
    metadata: { name: 'c', annotations: annotation === undefined ? {} : { [annotation]: 'x' } },
    spec: { devices: { requests: [{ name: 'r', exactly: { adminAccess } }] } },
    status: allocated ? { allocation: {} } : {},
  }) as unknown as ResourceClaim;

test('ClaimMetrics counts claims by where they come from, whether they have devices, and whether for administrators', () => {
  const figures = new ClaimMetrics();
  assert.equal(figures.expose(), '');
  const claims = [
    claim(),
    claim('resource.kubernetes.io/pod-claim-name', true),
    claim('resource.kubernetes.io/pod-claim-name', true),
    claim('resource.kubernetes.io/extended-resource-claim', true),
    claim(undefined, false, true),
  ];
  figures.follow({ list: () => claims });
  figures.created(claim().spec, 'success');
  figures.created(claim(undefined, false, true).spec, 'failure');
  assert.deepEqual(
    figures
      .expose()
      .split('\n')
      .filter((line) => line.startsWith('dynamic'))
      .toSorted(),
    [
      'dynamic_resource_allocation_resource_claims{admin_access="false",allocated="false",source=""} 1',
      'dynamic_resource_allocation_resource_claims{admin_access="false",allocated="true",source="extended_resource"} 1',
      'dynamic_resource_allocation_resource_claims{admin_access="false",allocated="true",source="resource_claim_template"} 2',
      'dynamic_resource_allocation_resource_claims{admin_access="true",allocated="false",source=""} 1',
      'dynamic_resource_allocation_resourceclaim_creates_total{admin_access="false",status="success"} 1',
      'dynamic_resource_allocation_resourceclaim_creates_total{admin_access="true",status="failure"} 1',
    ],
  );
});
