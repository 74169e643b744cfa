import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differencesOf, precedingChange } from './preceding-change.ts';

const template = (image: string, env = 'a') => ({ spec: { containers: [{ name: 'web', image, env: [{ name: 'E', value: env }] }] } });
const revision = (number: number, image: string, env = 'a') => ({
  object: `Deployment web, revision ${number}`,
  number,
  time: `2026-01-01T00:00:0${number}Z`,
  template: template(image, env),
});

test('differencesOf tells named items apart by their names', () => {
  assert.deepEqual(differencesOf(template('i:1'), template('i:2')), ['spec.containers[web].image: i:1 → i:2']);
});

for (const c of [
  {
    name: 'names the part of a new template that has to do with it',
    options: { kind: 'image', revisions: [revision(1, 'i:1'), revision(2, 'i:2', 'b')], read: [] },
    want: { object: 'Deployment web, revision 2', time: '2026-01-01T00:00:02Z', differences: ['spec.containers[web].image: i:1 → i:2'] },
  },
  {
    name: 'goes by what the pod reads when the template has not to do with it',
    options: {
      kind: 'volume',
      revisions: [revision(1, 'i:1'), revision(2, 'i:2')],
      read: [{ object: 'Secret s', time: '2026-01-01T00:00:08Z' }],
    },
    want: { object: 'Secret s', time: '2026-01-01T00:00:08Z', differences: [] },
  },
  {
    name: 'does not name what was written after it began',
    options: {
      kind: 'crash',
      revisions: [],
      read: [{ object: 'ConfigMap c', time: '2026-01-02T00:00:00Z' }],
      since: '2026-01-01T00:00:09Z',
    },
    want: undefined,
  },
  { name: 'knows nothing of a first revision', options: { kind: 'crash', revisions: [revision(1, 'i:1')], read: [] }, want: undefined },
] as const) {
  test(`precedingChange ${c.name}`, () => {
    assert.deepEqual(precedingChange({ created: '2026-01-01T00:00:00Z', ...c.options }), c.want);
  });
}
