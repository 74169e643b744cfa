import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { runProgram } from '#base/program.ts';
import { buildImage, imageArchive } from './oci-image.ts';
import { normalizeReference, parseReference } from './reference.ts';
import { tar, type TarEntry } from './tar.ts';
import type { LayerSource } from './tree.ts';

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'proa-oci-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const owner = { uid: 0, gid: 0 };

/** What tar(1) sees in an archive: mode, owner, size, path and target of each entry. */
async function listed(entries: Iterable<TarEntry>): Promise<string[]> {
  const said = await runProgram('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--full-time', '-f', '-'], {
    input: Readable.from(tar(entries)),
  });
  return said
    .trim()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '));
}

test('tar writes every kind of entry as tar reads it', async () => {
  const lines = await listed([
    { ...owner, kind: 'directory', path: 'etc', mode: 0o1755 },
    { ...owner, kind: 'file', path: 'etc/a', mode: 0o4640, uid: 1000, gid: 2_000_000, body: Buffer.from('text') },
    { ...owner, kind: 'symlink', path: 'etc/b', mode: 0o777, target: '../ü' },
    { ...owner, kind: 'hardlink', path: 'etc/c', mode: 0o644, target: 'etc/a' },
    { ...owner, kind: 'file', path: 'etc/full', mode: 0o600, body: Buffer.alloc(512) },
  ]);
  assert.deepEqual(lines, [
    'drwxr-xr-t 0/0 0 1970-01-01 00:00:00 etc/',
    '-rwSr----- 1000/2000000 4 1970-01-01 00:00:00 etc/a',
    'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 etc/b -> ../\\303\\274',
    'hrw-r--r-- 0/0 0 1970-01-01 00:00:00 etc/c link to etc/a',
    '-rw------- 0/0 512 1970-01-01 00:00:00 etc/full',
  ]);
});

test('tar takes paths and targets of any length', async () => {
  for (const length of [99, 100, 101, 255, 256, 1000]) {
    const path = `d/${'x'.repeat(length - 2)}`;
    const lines = await listed([
      { ...owner, kind: 'file', path, mode: 0o644, body: Buffer.from('x') },
      { ...owner, kind: 'symlink', path: `${path}l`, mode: 0o777, target: path },
      { ...owner, kind: 'directory', path: `${path}d`, mode: 0o755 },
    ]);
    assert.deepEqual(
      lines.map((line) => line.split(' ').slice(5).join(' ')),
      [path, `${path}l -> ${path}`, `${path}d/`],
    );
  }
});

test('tar refuses a file that changed while it was read, and a number that does not fit', async () => {
  const file = (size: number, text: string): TarEntry => ({
    ...owner,
    kind: 'file',
    path: 'log',
    mode: 0o644,
    body: { size, open: () => Readable.from([Buffer.from(text)]) },
  });
  await assert.rejects(Array.fromAsync(tar([file(3, 'four')])), /log changed while it was archived/);
  await assert.rejects(Array.fromAsync(tar([file(5, 'four')])), /log changed while it was archived/);
  await assert.rejects(Array.fromAsync(tar([{ kind: 'directory', path: 'a', mode: 0o755, uid: 2 ** 21, gid: 0 }])), RangeError);
});

interface Layout {
  readonly index: { readonly manifests: readonly { readonly digest: string; readonly annotations: Record<string, string> }[] };
  readonly manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
  readonly config: {
    readonly architecture: string;
    readonly config: Record<string, unknown>;
    readonly rootfs: { readonly diff_ids: readonly string[] };
  };
  readonly blob: (digest: string) => Buffer;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

function readLayout(folder: string): Layout {
  const blob = (digest: string): Buffer => {
    const bytes = readFileSync(join(folder, 'blobs', digest.replace(':', '/')));
    assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, digest);
    return bytes;
  };
  const json = <T>(bytes: Buffer): T => JSON.parse(bytes.toString()) as T;
  const index = json<Layout['index']>(readFileSync(join(folder, 'index.json')));
  const manifest = json<Layout['manifest']>(blob(index.manifests[0]?.digest ?? ''));
  return { index, manifest, config: json<Layout['config']>(blob(manifest.config.digest)), blob };
}

const FILES: LayerSource = {
  kind: 'files',
  files: [
    { path: '/usr/bin/app', content: { text: 'program' }, mode: 0o755 },
    { path: '/usr/bin/link', content: { link: 'app' } },
    { path: '/data', content: 'folder', mode: 0o700, uid: 5, gid: 6 },
  ],
};

test('buildImage writes a layout whose digests and sizes agree', async (t) => {
  const folder = join(temporary(t), 'image');
  const image = await buildImage({
    name: 'app',
    folder,
    architecture: 'arm64',
    layers: [FILES, { kind: 'files', files: [{ path: '/second', content: { bytes: Buffer.from([1, 2]) } }] }],
    config: {
      entrypoint: ['app'],
      cmd: ['--serve'],
      env: { A: '1', B: 'x=y' },
      workingDir: '/data',
      user: '5:6',
      exposedPorts: ['80/tcp', '53/udp'],
      stopSignal: 'SIGQUIT',
      labels: { team: 'a' },
    },
  });
  const { index, manifest, config, blob } = readLayout(folder);
  assert.deepEqual(
    [image.name, image.digest, image.id],
    ['docker.io/library/app:latest', index.manifests[0]?.digest, manifest.config.digest],
  );
  assert.equal(index.manifests[0]?.annotations['io.containerd.image.name'], image.name);
  assert.equal(config.architecture, 'arm64');
  assert.deepEqual(config.config, {
    User: '5:6',
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Env: ['A=1', 'B=x=y'],
    Entrypoint: ['app'],
    Cmd: ['--serve'],
    WorkingDir: '/data',
    Labels: { team: 'a' },
    StopSignal: 'SIGQUIT',
  });
  assert.equal(manifest.layers.length, 2);
  for (const [i, { digest, size }] of manifest.layers.entries()) {
    assert.equal(blob(digest).length, size);
    const whole = createHash('sha256')
      .update(gunzipSync(blob(digest)))
      .digest('hex');
    assert.equal(config.rootfs.diff_ids[i], `sha256:${whole}`);
  }
  const first = gunzipSync(blob(manifest.layers[0]?.digest ?? ''));
  const said = await runProgram('tar', ['--list', '--verbose', '--numeric-owner', '-f', '-'], { input: Readable.from([first]) });
  assert.deepEqual(
    said
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +[0-9]+ 1970-01-01 00:00/, '')),
    [
      'drwx------ 5/6 data/',
      'drwxr-xr-x 0/0 usr/',
      'drwxr-xr-x 0/0 usr/bin/',
      '-rwxr-xr-x 0/0 usr/bin/app',
      'lrwxrwxrwx 0/0 usr/bin/link -> app',
    ],
  );
});

test('buildImage takes a folder with its owners, modes, hard and symbolic links', async (t) => {
  const folder = temporary(t);
  const root = join(folder, 'root');
  mkdirSync(join(root, 'a/empty'), { recursive: true });
  writeFileSync(join(root, 'a/file'), 'text');
  chownSync(join(root, 'a/file'), 12, 34);
  chmodSync(join(root, 'a/file'), 0o4711);
  linkSync(join(root, 'a/file'), join(root, 'z'));
  symlinkSync('/a/file', join(root, 'link'));
  const { manifest, blob } = readLayout(
    (await buildImage({ name: 'app', folder: join(folder, 'image'), layers: [{ kind: 'folder', folder: root }] })).folder,
  );
  const layer = gunzipSync(blob(manifest.layers[0]?.digest ?? ''));
  const said = await runProgram('tar', ['--list', '--verbose', '--numeric-owner', '-f', '-'], { input: Readable.from([layer]) });
  assert.deepEqual(
    said
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +[0-9]+ 1970-01-01 00:00/, '')),
    [
      'drwxr-xr-x 0/0 a/',
      'drwxr-xr-x 0/0 a/empty/',
      '-rws--x--x 12/34 a/file',
      'lrwxrwxrwx 0/0 link -> /a/file',
      'hrws--x--x 12/34 z link to a/file',
    ],
  );
});

test('buildImage gives equal images for equal contents, wherever and whenever', async (t) => {
  const folder = temporary(t);
  const digests = [];
  for (const name of ['one', 'two']) {
    digests.push((await buildImage({ name: 'app', folder: join(folder, name), layers: [FILES] })).digest);
  }
  assert.equal(digests[0], digests[1]);
});

test('imageArchive is the same tar at every read', async (t) => {
  const image = await buildImage({ name: 'app', folder: join(temporary(t), 'image'), layers: [FILES] });
  const digest = async (): Promise<string> => {
    const hash = createHash('sha256');
    for await (const chunk of imageArchive(image)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  };
  assert.equal(await digest(), await digest());
});

test('buildImage refuses paths that leave the image, and bad names', async (t) => {
  const folder = join(temporary(t), 'image');
  for (const path of ['etc', '/../etc', '/a//b', '/a/./b', '/', '/a/']) {
    const layers: LayerSource[] = [{ kind: 'files', files: [{ path, content: { text: '' } }] }];
    await assert.rejects(buildImage({ name: 'app', folder, layers }), RangeError, path);
  }
  await assert.rejects(buildImage({ name: 'Not A Name', folder, layers: [] }), RangeError);
});

// Source: distribution/reference normalize_test.go, in spirit.
for (const [text, full] of [
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.25', 'docker.io/library/nginx:1.25'],
  ['team/app', 'docker.io/team/app:latest'],
  ['docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['index.docker.io/library/nginx:1', 'docker.io/library/nginx:1'],
  ['registry.example.com/app', 'registry.example.com/app:latest'],
  ['localhost/app:1', 'localhost/app:1'],
  ['host:5000/app', 'host:5000/app:latest'],
  ['[::1]:5000/a/b__c:x', '[::1]:5000/a/b__c:x'],
  [`nginx@sha256:${'a'.repeat(64)}`, `docker.io/library/nginx@sha256:${'a'.repeat(64)}`],
  [`nginx:1@sha256:${'a'.repeat(64)}`, `docker.io/library/nginx@sha256:${'a'.repeat(64)}`],
] as const) {
  test(`normalizeReference reads ${text} as ${full}`, () => assert.equal(normalizeReference(text), full));
}

for (const text of [
  '',
  'Nginx',
  'a:',
  'a:b:c',
  '/a',
  'a/',
  'a//b',
  '-a',
  'a b',
  'a@sha256:12',
  'https://x/y',
  `${'a/'.repeat(130)}b`,
  `a:${'t'.repeat(129)}`,
]) {
  test(`parseReference refuses ${JSON.stringify(text).slice(0, 40)}`, () => assert.throws(() => parseReference(text), RangeError));
}
