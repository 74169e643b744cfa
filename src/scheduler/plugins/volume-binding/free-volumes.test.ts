import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import type { PersistentVolume } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { node } from '../../testing.ts';
import { FreeVolumes } from './free-volumes.ts';
import { isReachable } from './reach.ts';

type Pick = (count: number) => number;

const expression = (pick: Pick): object => {
  const values = Array.from({ length: 1 + pick(2) }, () => `n${pick(6)}`);
  return [
    { key: LABEL.hostname, operator: 'In', values },
    { key: LABEL.hostname, operator: 'NotIn', values },
    { key: LABEL.hostname, operator: 'Exists' },
    { key: LABEL.zone, operator: 'In', values: [`z${pick(2)}`] },
  ][pick(4)] as object;
};

function volume(i: number, pick: Pick): PersistentVolume {
  const terms = Array.from({ length: pick(3) }, () => ({ matchExpressions: Array.from({ length: 1 + pick(2) }, () => expression(pick)) }));
  const nodeAffinity = pick(6) === 0 ? {} : { nodeAffinity: { required: { nodeSelectorTerms: terms } } };
  return { metadata: { name: `v${i}` }, spec: nodeAffinity } as unknown as PersistentVolume;
}

test('FreeVolumes gives the volume that looking through all of them gives', () => {
  const ids = seededIds(5);
  const pick: Pick = (count) => Math.floor(ids.fraction() * count);
  const places = new Set<string>();
  for (let round = 0; round < 300; round++) {
    const volumes = Array.from({ length: pick(12) }, (_, i) => volume(i, pick));
    const taken = new Set(volumes.filter(() => pick(3) === 0));
    const isTaken = (each: PersistentVolume): boolean => taken.has(each);
    const free = new FreeVolumes(volumes);
    for (let n = 0; n < 6; n++) {
      const labels = { [LABEL.zone]: `z${n % 2}`, ...(n === 5 ? {} : { [LABEL.hostname]: `n${n}` }) };
      const on = node(`n${n}`, { metadata: { labels } });
      const wanted = volumes.find((each) => !isTaken(each) && isReachable(each, on));
      assert.equal(free.first(on, isTaken), wanted, `round ${round}, node ${n}`);
      places.add(wanted?.metadata.name ?? 'none');
    }
  }
  assert.ok(places.size > 6, [...places].join());
});
