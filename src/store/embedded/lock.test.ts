import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { lockFolder } from './lock.ts';

test('lockFolder lets exactly one of many in where the last holder was killed', async (t) => {
  const dir = temporaryFolder(t);
  for (let round = 0; round < 20; round++) {
    writeFileSync(join(dir, 'lock'), '2147483646 gone\n');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(dir)));
    const won = results.filter((each) => each.status === 'fulfilled');
    assert.equal(won.length, 1, `round ${round}`);
    for (const { value: unlock } of won) await unlock();
  }
});
