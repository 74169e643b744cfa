import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { LAUNCHER } from '../instance/launcher.ts';

test('proa kubectl becomes kubectl: the same process, its arguments, its input, its status', (t) => {
  const folder = temporaryFolder(t);
  const said = `[ "$1" = version ] && echo '{"clientVersion":{"minor":"36"}}' && exit\necho $$ $KUBECONFIG "$@" "$(cat)"\nexit 7\n`;
  writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\n${said}`, { mode: 0o755 });
  const { pid, status, stdout, stderr } = spawnSync(LAUNCHER, ['kubectl', 'get', '-o', 'a  b', '--data-dir=x'], {
    encoding: 'utf8',
    input: 'heard',
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, KUBECONFIG: '/mine' },
  });
  assert.equal(stdout, `${pid} /mine get -o a  b --data-dir=x heard\n`, stderr);
  assert.equal(status, 7);
});
