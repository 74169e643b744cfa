import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceClass, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { New } from '#api/types.ts';
import { node } from '../../testing.ts';
import { allocate } from './allocate.ts';
import { allocationResult } from './allocation-result.ts';
import { DeviceSelectors } from './selectors.ts';
import { claim, deviceClass, DRIVER, poolsOf, request, slice } from './testing.ts';

const CLASSES = [deviceClass('gpu'), deviceClass('tuned', { config: [{ opaque: { driver: DRIVER, parameters: { fast: true } } }] })];

function resultOf(spec: New<ResourceClaim['spec']['devices']>, slices: readonly ResourceSlice[], classes: readonly DeviceClass[]) {
  const wanted = claim('c', [request('r', { deviceClassName: 'tuned' }), request('s')], { spec: { devices: spec } });
  const target = node('n', { metadata: { labels: { rack: '1' } } });
  const found = allocate({
    claims: [wanted],
    node: target,
    pools: poolsOf(slices).on(target),
    allocated: { isAllocated: () => false, consumed: () => undefined },
    deviceClass: (name) => classes.find(({ metadata }) => metadata.name === name),
    selectors: new DeviceSelectors(),
  });
  assert.ok(found.kind === 'allocated');
  return allocationResult(wanted, found.allocation[0] ?? [], { now: 0, uuid: () => 'share-1', node: 'n' });
}

test('allocationResult has the configuration of classes and of the claim, and the nodes that reach the devices', () => {
  const rack = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'rack', operator: 'In', values: ['1'] }] }] } as const;
  const shared = slice('pool', [{ name: 'a' }, { name: 'b' }], { nodeName: undefined, nodeSelector: rack } as never);
  const own = { opaque: { driver: DRIVER, parameters: { slow: true } } };
  const result = resultOf(
    {
      config: [
        { ...own, requests: ['s'] },
        { ...own, requests: ['r', 's'] },
      ],
    },
    [shared],
    CLASSES,
  );
  assert.deepEqual(result, {
    devices: {
      results: [
        { request: 'r', driver: DRIVER, pool: 'pool', device: 'a' },
        { request: 's', driver: DRIVER, pool: 'pool', device: 'b' },
      ],
      config: [
        { source: 'FromClass', requests: ['r'], opaque: { driver: DRIVER, parameters: { fast: true } } },
        { source: 'FromClaim', requests: ['s'], ...own },
        { source: 'FromClaim', requests: ['r', 's'], ...own },
        { source: 'FromClaim', requests: ['r', 's'], ...own },
      ],
    },
    nodeSelector: rack,
    allocationTimestamp: '1970-01-01T00:00:00Z',
  });
});

test('allocationResult tells which part of a shared device a claim has, and what must come true before it is used', () => {
  const shared = slice('n', [
    {
      name: 'a',
      allowMultipleAllocations: true,
      capacity: {
        memory: { value: '40Gi', requestPolicy: { default: '1Gi', validRange: { min: '1Gi', step: '2Gi' } } },
        cores: { value: '8', requestPolicy: { default: '2', validValues: ['2', '4', '8'] } },
      },
      bindsToNode: true,
      bindingConditions: ['Attached'],
      bindingFailureConditions: ['Broken'],
    },
  ]);
  const part = request('r', { capacity: { requests: { memory: '4Gi' } } });
  const wanted = claim('c', [part]);
  const target = node('n');
  const found = allocate({
    claims: [wanted],
    node: target,
    pools: poolsOf([{ ...shared, spec: { ...shared.spec, nodeName: undefined, allNodes: true } } as never]).on(target),
    allocated: { isAllocated: () => false, consumed: () => undefined },
    deviceClass: () => deviceClass('gpu'),
    selectors: new DeviceSelectors(),
  });
  assert.ok(found.kind === 'allocated');
  const { devices, nodeSelector } = allocationResult(wanted, found.allocation[0] ?? [], { now: 0, uuid: () => 'share-1', node: 'n' });
  assert.deepEqual(devices.results, [
    {
      request: 'r',
      driver: DRIVER,
      pool: 'n',
      device: 'a',
      bindingConditions: ['Attached'],
      bindingFailureConditions: ['Broken'],
      shareID: 'share-1',
      // Rounded up to a step, and the default where nothing is asked for.
      consumedCapacity: { memory: '5Gi', cores: '2' },
    },
  ]);
  assert.deepEqual(nodeSelector, { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }] });
});
