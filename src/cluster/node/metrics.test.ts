import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '#client/contract.ts';
import { ensureMetricsReader } from './metrics.ts';

/** What metrics-server's own manifests create, and whoever deletes them deletes. Source: metrics-server manifests/base. */
const METRICS_SERVER = ['system:aggregated-metrics-reader', 'system:metrics-server', 'metrics-server:system:auth-delegator'];

test('ensureMetricsReader makes nothing that goes when a metrics-server is taken away', async () => {
  const made: string[] = [];
  const client = {
    async create(_: unknown, { metadata }: { readonly metadata: { readonly name: string } }) {
      made.push(metadata.name);
    },
  } as unknown as Client;
  await ensureMetricsReader(client);
  assert.equal(made.length, 3);
  assert.deepEqual(
    made.filter((name) => METRICS_SERVER.includes(name)),
    [],
  );
});
