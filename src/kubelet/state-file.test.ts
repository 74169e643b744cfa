import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { StateFile } from './state-file.ts';

const TEXT = '{"uid":{"allocated":{"c":{"requests":{"memory":"64Mi"}}}}}';
const damaged = { name: 'StateDamagedError', message: /\/state is damaged$/ };

test('StateFile reads what was written last, and nothing where nothing was', async (t) => {
  const file = new StateFile(join(temporaryFolder(t), 'state'));
  assert.equal(await file.read(), undefined);
  const writes = ['{}', '', TEXT].map((text) => file.replace(text));
  await Promise.all(writes);
  assert.equal(await file.read(), TEXT);
});

test('StateFile reads a file from before there were checksums', async (t) => {
  const file = new StateFile(join(temporaryFolder(t), 'state'));
  for (const text of [TEXT, '[{"name":"a"}]']) {
    writeFileSync(file.path, text);
    assert.equal(await file.read(), text);
  }
});

test('StateFile finds every flipped bit and every cut', async (t) => {
  const file = new StateFile(join(temporaryFolder(t), 'state'));
  await file.replace(TEXT);
  const whole = readFileSync(file.path);
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const other = Buffer.from(whole);
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(file.path, other);
    await assert.rejects(file.read(), damaged, `bit ${bit}`);
  }
  writeFileSync(file.path, whole);
  for (let size = whole.length - 1; size >= 0; size--) {
    truncateSync(file.path, size);
    await assert.rejects(file.read(), damaged, `cut to ${size}`);
  }
});
