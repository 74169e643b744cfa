import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { Flags, type FlagValues } from './flags.ts';
import { gatesOf } from './gates.ts';

const files = { 'tls-cert-file': 'c', 'tls-private-key-file': 'k', 'client-ca-file': 'a' };
const kubelet = { kubeconfig: 'f', 'hostname-override': 'n', 'node-ip': '192.0.2.1', ...files };

test('Flags have the defaults of their component, and what was given over them', () => {
  const flags = new Flags('kubelet', { ...kubelet, port: '10251' });
  assert.deepEqual(
    [flags.number('port'), flags.text('cluster-domain'), flags.optional('pod-manifest-path')],
    [10_251, 'cluster.local', undefined],
  );
  assert.equal(new Flags('scheduler', { kubeconfig: 'f' }).isSet('leader-elect'), true);
});

for (const [what, read, says] of [
  [
    { kubeconfig: 'f' },
    () => {},
    'kubelet needs --hostname-override NAME, --node-ip IP, --tls-cert-file FILE, --tls-private-key-file FILE, --client-ca-file FILE',
  ],
  [{ ...kubelet, port: 'high' }, (flags) => flags.number('port'), '--port high is no number'],
  [{ ...kubelet, 'log-level': 'loud' }, (flags) => flags.logLevel(), '--log-level loud is not debug, info, warn or error'],
] as const satisfies readonly (readonly [FlagValues, (flags: Flags) => unknown, string])[]) {
  test(`Flags say ${says}`, () => assert.throws(() => read(new Flags('kubelet', what)), { name: 'CommandError', message: says }));
}

test('Flags take true and false for a switch, and nothing else', () => {
  const says = { message: '--leader-elect maybe is neither true nor false' };
  assert.throws(() => new Flags('scheduler', { kubeconfig: 'f', 'leader-elect': 'maybe' }).isSet('leader-elect'), says);
});

test('Flags take times as Go writes them', () => {
  assert.equal(new Flags('scheduler', { kubeconfig: 'f' }).duration('leader-elect-lease-duration'), 15_000);
  for (const text of ['15', '-1s', '0s', ''])
    assert.throws(
      () => new Flags('scheduler', { kubeconfig: 'f', 'leader-elect-retry-period': text }).duration('leader-elect-retry-period'),
      {
        message: `--leader-elect-retry-period ${text} is no time such as 15s`,
      },
    );
});

test("gatesOf reads the gates of a component, and refuses them in upstream's words", () => {
  const gates = (text: string) => gatesOf(new Flags('scheduler', { kubeconfig: 'f', 'feature-gates': text }), silentLogger);
  assert.equal(gates('').isOn('DRADeviceTaintRules'), false);
  assert.equal(gates('DRADeviceTaintRules=true').isOn('DRADeviceTaintRules'), true);
  for (const [text, says] of [
    ['NoSuchGate=true', 'unrecognized feature gate: NoSuchGate'],
    ['SidecarContainers=false', 'cannot set feature gate SidecarContainers to false, feature is locked to true'],
    [
      'DRADeviceTaintRules=true,DRADeviceTaints=false',
      'DRADeviceTaintRules is enabled, but depends on features that are disabled: [DRADeviceTaints]',
    ],
  ] as const)
    assert.throws(() => gates(text), { name: 'CommandError', message: `--feature-gates is refused: ${says}` });
});
