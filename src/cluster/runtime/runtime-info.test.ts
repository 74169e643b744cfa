import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cniFolders, usesSystemdCgroups } from './runtime-info.ts';

const loaded = { PluginDirs: ['/usr/lib/cni'], PluginConfDir: '/etc/cni/other.d', Prefix: 'eth', Networks: [] };

for (const { name, info, folders } of [
  { name: 'of the network it has loaded', info: { cniconfig: JSON.stringify(loaded) }, folders: ['/etc/cni/other.d', ['/usr/lib/cni']] },
  {
    name: 'of its configuration, one folder of plugins as several',
    info: { config: '{"cni":{"binDir":"/opt/one","confDir":"/etc/one"}}' },
    folders: ['/etc/one', ['/opt/one']],
  },
  {
    name: 'of its configuration where nothing is loaded',
    info: { cniconfig: '{"PluginDirs":null,"PluginConfDir":""}', config: '{"cni":{"binDirs":["/a","/b"],"confDir":"/etc/one"}}' },
    folders: ['/etc/one', ['/a', '/b']],
  },
  { name: 'that everybody uses, when it says nothing', info: {}, folders: ['/etc/cni/net.d', undefined] },
  {
    name: 'that everybody uses, when it speaks of itself in other words',
    info: { config: '[crio]' },
    folders: ['/etc/cni/net.d', undefined],
  },
] as const) {
  test(`cniFolders are those ${name}`, () => {
    const { confDir, binDirs } = cniFolders(info);
    assert.deepEqual([confDir, binDirs], folders);
  });
}

test('usesSystemdCgroups looks at the runtime that pods get by default', () => {
  const config = (defaultRuntimeName: string): string =>
    JSON.stringify({
      containerd: { defaultRuntimeName, runtimes: { runc: { options: { SystemdCgroup: true } }, kata: { options: null }, bare: {} } },
    });
  assert.deepEqual(
    ['runc', 'kata', 'bare', 'none'].map((name) => usesSystemdCgroups({ config: config(name) })),
    [true, false, false, false],
  );
  assert.equal(usesSystemdCgroups({}), false);
});
