import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { RELEASE } from '#api/build.ts';
import { LAUNCHER } from '../instance/launcher.ts';
import { PROA_VERSION } from '../version.ts';
import { commandFor } from './other-names.ts';

for (const [typed, instead] of [
  ['start', 'proa up'],
  ['init', 'proa up'],
  ['create cluster', 'proa up'],
  ['stop', 'proa down'],
  ['delete', 'proa reset'],
  ['delete cluster', 'proa reset'],
  ['delete pod web', 'proa kubectl delete pod web'],
  ['create deployment web --image=nginx', 'proa kubectl create deployment web --image=nginx'],
  ['get clusters', 'proa status'],
  ['get pods -A', 'proa kubectl get pods -A'],
  ['ps', 'proa kubectl get pods --all-namespaces'],
  ['load web.tar', 'proa image import'],
  ['version', 'proa --version'],
  ['sail', undefined],
] as const) {
  test(`commandFor names what does the work of ${typed}`, () => assert.equal(commandFor(typed.split(' ')), instead));
}

test('commandFor sends who wants to join a machine to the agent and its token', () => {
  assert.match(commandFor(['join']) ?? '', /^proa agent .*proa token create/);
});

test('proa --version tells the release that its nodes and its API server tell', () =>
  assert.equal(spawnSync(LAUNCHER, ['--version'], { encoding: 'utf8' }).stdout, `proa ${PROA_VERSION} (Kubernetes ${RELEASE})\n`));
