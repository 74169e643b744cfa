import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults } from '#api/defaults.ts';
import { Schema } from '#api/schema.ts';
import { Generator } from '#api/testing/generate.ts';
import type { KubeObject } from '#api/types.ts';
import { seededIds } from '#base/ids.ts';
import { defaultPrinters } from './default-printers.ts';
import { metadata, NOW, printed } from './testing.ts';

const everyKind = [...new Schema({ serves: () => true }).resources()].filter((info) => defaultPrinters.find(info) !== undefined);

test('every printer gives a cell of its type for each column, whatever the object', () => {
  const allowed = {
    string: ['string', 'number', 'bigint', 'boolean'],
    integer: ['number', 'bigint', 'string'],
    number: ['number'],
    boolean: ['boolean', 'string'],
    date: ['string'],
  };
  for (const info of everyKind) {
    const generator = new Generator(seededIds(info.kind.length));
    const printer = defaultPrinters.find(info);
    for (let i = 0; i < 20; i++) {
      const generated = generator.object(info, info.schema) as KubeObject & { readonly status?: object };
      // What creation assures.
      const object = applyDefaults(
        { ...generated, metadata, status: { phase: 'Pending', ...generated.status } } as KubeObject,
        info.schema,
        NOW,
      );
      for (const { cells } of printer?.rows(object, { now: NOW }) ?? []) {
        const types = printer?.columns.map(({ type }) => allowed[type]) ?? [];
        assert.equal(cells.length, types.length);
        assert.ok(
          cells.every((cell, index) => types[index]?.includes(typeof cell)),
          `${info.kind}: ${JSON.stringify(cells)}`,
        );
      }
    }
  }
});

test('an autoscaler of version 1 has its one metric', () => {
  const object = {
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 5, targetCPUUtilizationPercentage: 80 },
    status: {},
  };
  assert.equal(printed('autoscaling', 'HorizontalPodAutoscaler', object, 'v1')['Targets'], 'cpu: <unknown>/80%');
  assert.equal(printed('autoscaling', 'HorizontalPodAutoscaler', object, 'v2')['Targets'], '<none>');
});

test('kinds without a printer are the ones upstream has none for', () => {
  const without = [...new Schema().resources()].filter((info) => info.verbs.includes('list') && defaultPrinters.find(info) === undefined);
  assert.deepEqual(without.map(({ kind }) => kind).toSorted(), ['ClusterRole', 'CustomResourceDefinition', 'LimitRange', 'Role']);
});
