import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { removeLostLeases } from './lost-leases.ts';

test('removeLostLeases frees addresses of leases that name no container, unless they are being written', (t) => {
  const now = Date.UTC(2026, 0, 1);
  const folder = temporaryFolder(t);
  const network = join(folder, 'proa');
  mkdirSync(network);
  for (const [name, content, ageMs] of [
    ['10.244.0.2', 'container\r\neth0', 3_600_000],
    ['10.244.0.3', '', 3_600_000],
    ['10.244.0.4', '\0'.repeat(70), 3_600_000],
    ['fd00:244::5', '', 3_600_000],
    ['10.244.0.6', '', 1_000],
    ['last_reserved_ip.0', '', 3_600_000],
    ['lock', '', 3_600_000],
  ] as const) {
    writeFileSync(join(network, name), content);
    utimesSync(join(network, name), (now - ageMs) / 1_000, (now - ageMs) / 1_000);
  }
  assert.deepEqual([...removeLostLeases(folder, now)].toSorted(), ['10.244.0.3', '10.244.0.4', 'fd00:244::5']);
  assert.deepEqual(readdirSync(network).toSorted(), ['10.244.0.2', '10.244.0.6', 'last_reserved_ip.0', 'lock']);
  assert.deepEqual(removeLostLeases(folder, now), []);
});
