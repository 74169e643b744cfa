import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csinodes, volumeattachments } from '#api/resources.ts';
import type { CSINode, VolumeAttachment } from '#api/types.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import { seededIds } from '#base/ids.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { fakeInformer, type FakeInformer } from '#client/testing.ts';
import { countSpareVolumes, type Storage } from '../plugins/volume-binding/storage.ts';
import { watchStorage } from './storage-informers.ts';

function storageOf(nodes: FakeInformer<CSINode>, attachments: FakeInformer<VolumeAttachment>): Storage {
  const byResource = new Map<string, unknown>([
    [groupResourceString(csinodes), nodes],
    [groupResourceString(volumeattachments), attachments],
  ]);
  const informers = {
    informer: (resource: Resource) => byResource.get(groupResourceString(resource)) ?? fakeInformer(),
  } as unknown as InformerFactory;
  return watchStorage(informers).storage;
}

test('watchStorage knows spare volumes of each node, and the least of all, whatever comes, changes and goes', () => {
  const ids = seededIds(7);
  const pick = (count: number): number => Math.floor(ids.fraction() * count);
  const [nodes, attachments] = [fakeInformer<CSINode>(), fakeInformer<VolumeAttachment>()];
  const storage = storageOf(nodes, attachments);
  const model = { nodes: new Map<string, CSINode>(), attachments: new Map<string, VolumeAttachment>() };
  const there = {
    csiNode: (name: string) => model.nodes.get(name),
    attachments: (name: string) => [...model.attachments.values()].filter(({ spec }) => spec.nodeName === name),
  };

  function change(version: number): void {
    const name = `n${pick(5)}`;
    const metadata = { name, resourceVersion: String(version) };
    const node = model.nodes.get(name);
    if (pick(2) === 0) {
      if (node !== undefined && pick(3) === 0) {
        model.nodes.delete(name);
        return nodes.remove(node);
      }
      const drivers = pick(4) === 0 ? [] : [{ name: 'd', nodeID: name, topologyKeys: null, allocatable: { count: pick(6) } }];
      const next = { metadata, spec: { drivers } } as unknown as CSINode;
      model.nodes.set(name, next);
      return nodes.put(next);
    }
    const key = `a${pick(12)}`;
    const attached = model.attachments.get(key);
    if (attached !== undefined) {
      model.attachments.delete(key);
      return attachments.remove(attached);
    }
    const next = {
      metadata: { ...metadata, name: key },
      spec: { attacher: 'd', nodeName: name, source: {} },
    } as unknown as VolumeAttachment;
    model.attachments.set(key, next);
    return attachments.put(next);
  }

  for (let i = 0; i < 2000; i++) {
    change(i);
    if (pick(3) > 0) continue;
    const spare = [...model.nodes.keys()].map((name) => countSpareVolumes(there, name));
    assert.deepEqual(
      [...model.nodes.keys()].map((name) => storage.spareVolumes(name)),
      spare,
    );
    assert.equal(storage.leastSpareVolumes(), Math.min(Infinity, ...spare));
  }
});

test('watchStorage keeps what it counted of a node as long as that has a CSINode, and no longer', () => {
  const [nodes, attachments] = [fakeInformer<CSINode>(), fakeInformer<VolumeAttachment>()];
  const storage = storageOf(nodes, attachments);
  const drivers = [{ name: 'd', nodeID: 'n', topologyKeys: null, allocatable: { count: 3 } }];
  const node = { metadata: { name: 'n', resourceVersion: '1' }, spec: { drivers } } as unknown as CSINode;
  nodes.put(node);
  assert.equal(storage.leastSpareVolumes(), 3);
  const get = nodes.get.bind(nodes);
  let counted = 0;
  nodes.get = (name) => {
    counted++;
    return get(name);
  };
  assert.deepEqual([storage.spareVolumes('n'), counted], [3, 0]);
  nodes.remove(node);
  counted = 0;
  assert.deepEqual([storage.spareVolumes('n'), counted > 0], [Infinity, true]);
});
