import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inOwnScope } from './own-scope.ts';

test('inOwnScope leaves a command as it is where there is no systemd', () => {
  assert.deepEqual(inOwnScope(['containerd', '--config', 'x'], 'containers', false), ['containerd', '--config', 'x']);
});

test('inOwnScope keeps processes alive when the scope ends, and does not limit them', () => {
  const line = inOwnScope(['containerd', '--config', 'x'], 'containers', true);
  assert.deepEqual(line.slice(0, 2), ['systemd-run', '--scope']);
  for (const word of ['--description=containers', '--property=KillMode=process', '--property=TasksMax=infinity'])
    assert.ok(line.includes(word));
  assert.deepEqual(line.slice(-3), ['containerd', '--config', 'x']);
});
