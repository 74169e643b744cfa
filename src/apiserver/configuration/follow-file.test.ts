import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { followFiles } from './follow-file.ts';

test('followFiles tells of a file that is gone, and takes it when it is back with another content', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'proa-follow-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'config');
  await writeFile(path, 'one');
  const gone = Promise.withResolvers<void>();
  const loaded = Promise.withResolvers<readonly string[]>();
  const stop = followFiles({
    paths: [path],
    current: ['one'],
    load: (contents) => loaded.resolve(contents),
    onUnreadable: () => gone.resolve(),
    clock: systemClock,
    logger: silentLogger,
  });
  t.after(stop);
  await rm(path);
  await gone.promise;
  await writeFile(path, 'two');
  assert.deepEqual(await loaded.promise, ['two']);
});
