import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { runProgram } from '#base/program.ts';
import { buildDebianImage, type DebianImageSpec } from './debian-image.ts';
import { parsePlan, parseUris } from './debian-packages.ts';
import { imageArchive } from './oci-image.ts';

interface PackageOnPaper {
  readonly name: string;
  readonly version?: string;
  readonly depends?: string;
  readonly recommends?: string;
  readonly files: Readonly<Record<string, string>>;
}

/** An archive of packages on the disk, and a cache. */
class Archive {
  readonly folder: string;
  readonly cacheFolder: string;
  readonly aptOptions: readonly string[];

  constructor(t: TestContext) {
    const root = mkdtempSync(join(tmpdir(), 'proa-debian-'));
    t.after(() => rmSync(root, { recursive: true }));
    this.folder = join(root, 'archive');
    this.cacheFolder = join(root, 'cache');
    for (const folder of ['archive', 'lists/partial', 'empty']) mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'sources.list'), `deb [trusted=yes] copy:${this.folder} ./\n`);
    chmodSync(root, 0o755);
    this.aptOptions = [
      `Dir::Etc::sourcelist=${join(root, 'sources.list')}`,
      `Dir::Etc::sourceparts=${join(root, 'empty')}`,
      `Dir::State::lists=${join(root, 'lists')}`,
      'APT::Sandbox::User=root',
    ];
  }

  /** What apt is told of: by `update`, as on a machine in use, or not yet. */
  async publish(packages: readonly PackageOnPaper[], lists: 'updated' | 'old' = 'updated'): Promise<void> {
    const entries = await Promise.all(packages.map((each) => this.#pack(each)));
    writeFileSync(join(this.folder, 'Packages'), entries.join('\n'));
    if (lists === 'updated') await runProgram('apt-get', [...this.aptOptions.map((option) => `--option=${option}`), 'update']);
  }

  async #pack({ name, version = '1.0', depends, recommends, files }: PackageOnPaper): Promise<string> {
    const tree = mkdtempSync(join(this.folder, 'tree-'));
    chmodSync(tree, 0o755);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    const control = [
      `Package: ${name}`,
      `Version: ${version}`,
      'Architecture: all',
      'Maintainer: Nobody <nobody@example.test>',
      ...(depends === undefined ? [] : [`Depends: ${depends}`]),
      ...(recommends === undefined ? [] : [`Recommends: ${recommends}`]),
      'Description: for a test',
    ].join('\n');
    mkdirSync(join(tree, 'DEBIAN'));
    writeFileSync(join(tree, 'DEBIAN/control'), `${control}\n`);
    const file = `${name}_${version}_all.deb`;
    await runProgram('dpkg-deb', ['--root-owner-group', '--build', tree, join(this.folder, file)]);
    const bytes = readFileSync(join(this.folder, file));
    const digest = createHash('sha256').update(bytes).digest('hex');
    return `${control}\nFilename: ./${file}\nSize: ${bytes.length}\nSHA256: ${digest}\n`;
  }

  build(spec: Pick<DebianImageSpec, 'packages'> & Partial<DebianImageSpec>): ReturnType<typeof buildDebianImage> {
    return buildDebianImage({ name: 'example.test/app:1', cacheFolder: this.cacheFolder, aptOptions: this.aptOptions, ...spec });
  }
}

const APP: readonly PackageOnPaper[] = [
  {
    name: 'app',
    depends: 'libapp (>= 1)',
    recommends: 'extras',
    files: { 'usr/bin/app': 'program', 'usr/share/doc/app/copyright': 'text' },
  },
  { name: 'libapp', version: '1.2', depends: 'data', files: { 'lib/libapp.so': 'library', 'usr/lib/other.so': 'other' } },
  { name: 'data', files: { 'usr/share/data/file': 'data', 'bin/tool': 'tool' } },
  { name: 'extras', files: { 'usr/bin/extra': 'extra' } },
];

/** The image's files, unpacked from its archive: layer over layer. */
async function unpacked(t: TestContext, folder: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'proa-image-'));
  t.after(() => rmSync(work, { recursive: true }));
  const [archive, root] = [join(work, 'archive'), join(work, 'root')];
  for (const each of [archive, root]) mkdirSync(each);
  await runProgram('tar', ['-xf', '-', '-C', archive], { input: imageArchive({ folder }) });
  interface Descriptor {
    readonly digest: string;
  }
  const read = (digest: string): string => join(archive, 'blobs', digest.replace(':', '/'));
  const index = JSON.parse(readFileSync(join(archive, 'index.json'), 'utf8')) as { manifests: Descriptor[] };
  const manifest = JSON.parse(readFileSync(read(index.manifests[0]?.digest ?? ''), 'utf8')) as { layers: Descriptor[] };
  for (const { digest } of manifest.layers) await runProgram('tar', ['-xzf', read(digest), '-C', root, '--keep-directory-symlink']);
  return root;
}

test('buildDebianImage unpacks packages with all they depend on, in a merged tree without documentation', async (t) => {
  const archive = new Archive(t);
  await archive.publish(APP);
  const image = await archive.build({
    packages: ['app'],
    users: [{ name: 'app', uid: 1000, home: '/srv' }],
    files: [{ path: '/etc/app.conf', content: { text: 'mode = test\n' } }],
    config: { entrypoint: ['app'], env: { MODE: 'test' } },
  });
  const root = await unpacked(t, image.folder);
  const text = (path: string): string => readFileSync(join(root, path), 'utf8');
  assert.deepEqual(
    readdirSync(join(root, 'usr/bin')).toSorted((a, b) => (a < b ? -1 : 1)),
    ['app', 'tool'],
  );
  assert.deepEqual(
    [text('usr/bin/app'), text('lib/libapp.so'), text('usr/lib/libapp.so'), text('lib/other.so')],
    ['program', 'library', 'library', 'other'],
  );
  assert.equal(readlinkSync(join(root, 'bin')), 'usr/bin');
  assert.throws(() => lstatSync(join(root, 'usr/share/doc')), { code: 'ENOENT' });
  assert.match(text('etc/passwd'), /^root:x:0:0:.*\nwww-data:x:33:33:[^]*^app:x:1000:1000:app:\/srv:/m);
  assert.equal(text('etc/app.conf'), 'mode = test\n');
  assert.equal(statSync(join(root, 'tmp')).mode & 0o7777, 0o1777);
});

test('buildDebianImage gives the image it built before, until a package or the recipe changes', async (t) => {
  const archive = new Archive(t);
  await archive.publish(APP);
  const first = await archive.build({ packages: ['app'] });
  rmSync(join(archive.cacheFolder, 'packages'), { recursive: true });
  assert.deepEqual(await archive.build({ packages: ['app'] }), first, 'nothing was fetched or built again');

  const other = await archive.build({ packages: ['app'], config: { cmd: ['--help'] } });
  assert.notEqual(other.id, first.id);
  await archive.publish(
    APP.map((each) => (each.name === 'data' ? { ...each, version: '2.0', files: { 'usr/share/data/file': 'new' } } : each)),
  );
  const newer = await archive.build({ packages: ['app'] });
  assert.notEqual(newer.digest, first.digest);
  assert.equal(readFileSync(join(await unpacked(t, newer.folder), 'usr/share/data/file'), 'utf8'), 'new');
});

test('buildDebianImage fetches what the cache lacks, and only that', async (t) => {
  const archive = new Archive(t);
  const names = ['zeta', 'mid', 'alpha', 'beta'];
  const packages = names.map((name, i) => ({ name, depends: names[i + 1] ?? '', files: { [`usr/share/${name}`]: name } }));
  await archive.publish(packages.map(({ depends, ...rest }) => (depends === '' ? rest : { ...rest, depends })));
  await archive.build({ packages: ['mid'] });
  const stored = join(archive.cacheFolder, 'packages');
  rmSync(join(stored, 'beta_1.0_all.deb'));
  writeFileSync(join(stored, 'alpha_1.0_all.deb'), 'cut off');
  const { mtimeMs } = statSync(join(stored, 'mid_1.0_all.deb'));
  const root = await unpacked(t, (await archive.build({ packages: ['zeta'] })).folder);
  for (const name of names) assert.equal(readFileSync(join(root, 'usr/share', name), 'utf8'), name);
  assert.equal(statSync(join(stored, 'mid_1.0_all.deb')).mtimeMs, mtimeMs);
});

test('buildDebianImage brings package lists up to date where there are none, or old ones', async (t) => {
  const archive = new Archive(t);
  await archive.publish(APP, 'old');
  const first = await archive.build({ packages: ['app'] });
  for (const { name, version = '1.0' } of APP) rmSync(join(archive.folder, `${name}_${version}_all.deb`));
  rmSync(join(archive.cacheFolder), { recursive: true });
  await archive.publish(
    APP.map((each) => ({ ...each, version: '3.0' })),
    'old',
  );
  assert.notEqual((await archive.build({ packages: ['app'] })).folder, first.folder);
});

test('buildDebianImage makes equal images of equal packages', async (t) => {
  const digests = [];
  for (let i = 0; i < 2; i++) {
    const archive = new Archive(t);
    await archive.publish(APP);
    digests.push((await archive.build({ packages: ['app'] })).digest);
  }
  assert.equal(digests[0], digests[1]);
});

test('buildDebianImage leaves out what it is told to', async (t) => {
  const archive = new Archive(t);
  await archive.publish(APP);
  const root = await unpacked(t, (await archive.build({ packages: ['app'], without: ['data'] })).folder);
  assert.throws(() => lstatSync(join(root, 'usr/share/data')), { code: 'ENOENT' });
});

test('buildDebianImage refuses unknown packages with the words of apt, and leaves nothing half built', async (t) => {
  const archive = new Archive(t);
  await archive.publish(APP);
  await assert.rejects(archive.build({ packages: ['app', 'absent'] }), {
    name: 'ProgramError',
    message: /Unable to locate package absent/,
  });
  await assert.rejects(archive.build({ packages: ['--help'] }), RangeError);
  rmSync(join(archive.folder, 'data_1.0_all.deb'));
  await assert.rejects(archive.build({ packages: ['app'] }), { name: 'ProgramError' });
  assert.deepEqual(
    readdirSync(archive.cacheFolder).filter((name) => name.startsWith('building-')),
    [],
  );
  assert.deepEqual(readdirSync(join(archive.cacheFolder, 'images')), []);
});

test('parsePlan reads what apt-get --simulate says', () => {
  const said = [
    'Reading package lists...',
    'Inst gcc-12-base (12.2.0-14+deb12u1 Debian:12.15/oldstable [amd64])',
    'Inst libc6 [2.36-9] (2.36-9+deb12u14 Debian:12.15/oldstable [amd64]) []',
    'Inst libfoo:i386 (1:1.0 Debian:12/stable, Debian-Security:12/stable-security [i386])',
    'Conf libc6 (2.36-9+deb12u14 Debian:12.15/oldstable [amd64])',
  ].join('\n');
  assert.deepEqual(parsePlan(said), [
    { name: 'gcc-12-base', version: '12.2.0-14+deb12u1' },
    { name: 'libc6', version: '2.36-9+deb12u14' },
    { name: 'libfoo', version: '1:1.0' },
  ]);
});

test('parseUris reads what apt-get --print-uris says', () => {
  const said =
    "'http://example.test/busybox-static_1.35.0-4%2bdeb12u1_amd64.deb' busybox-static_1%3a1.35.0-4+deb12u1_amd64.deb 928188 SHA256:3d3f\n";
  assert.deepEqual(parseUris(said), [{ package: 'busybox-static', name: 'busybox-static_1%3a1.35.0-4+deb12u1_amd64.deb', size: 928188 }]);
});
