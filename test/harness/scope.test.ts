import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePorts } from './ports.ts';
import { defer, Scope } from './scope.ts';
import { temporaryFolder } from './temp.ts';

test('defer releases last what was deferred first', async () => {
  const log: string[] = [];
  {
    await using scope = new Scope();
    defer(scope, () => void log.push('first'));
    defer(scope, async () => {
      await Promise.resolve();
      log.push('second');
    });
  }
  assert.deepEqual(log, ['second', 'first']);
});

test('defer releases everything, and then says what failed', async () => {
  const log: string[] = [];
  const failing = async (): Promise<void> => {
    await using scope = new Scope();
    defer(scope, () => void log.push('first'));
    defer(scope, () => Promise.reject(new Error('two')));
    defer(scope, () => {
      throw new Error('three');
    });
  };
  await assert.rejects(
    failing(),
    (error) => error instanceof AggregateError && error.errors.map(String).join() === 'Error: three,Error: two',
  );
  assert.deepEqual(log, ['first']);
});

test('a temporary folder goes with its contents when its test ends', async (t) => {
  let folder = '';
  await t.test('inside', (inner) => {
    folder = temporaryFolder(inner);
    writeFileSync(join(folder, 'file'), '');
  });
  assert.ok(folder !== '' && !existsSync(folder));
});

test('freePorts are different ones', async () => {
  const ports = await freePorts(20);
  assert.equal(new Set(ports).size, 20);
  assert.ok(ports.every((port) => port > 1023));
});
