import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { raiseSysctl } from './sysctl.ts';

test('raiseSysctl raises what is too low, and leaves the rest', () => {
  const name = 'net/ipv4/ip_default_ttl';
  const after = (least: number): string => {
    raiseSysctl(name, least);
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  };
  assert.deepEqual([after(10), after(70), after(64)], ['64', '70', '70']);
  raiseSysctl('net/ipv4/no_such', 1);
});
