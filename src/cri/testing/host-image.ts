// An image of this machine's own programs and the libraries they need: for tests that want a shell in a container and
// neither a registry nor packages.
import { readFileSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buildImage, type ImageConfig, type OciImage } from '../image/oci-image.ts';
import { runProgram } from '#base/program.ts';
import type { LayerFile } from '../image/tree.ts';

export interface HostImageSpec {
  readonly name: string;
  /** An empty or absent folder for the image's layout. */
  readonly folder: string;
  /** Names looked up in PATH; they are in the image's PATH under the same names. Default: a shell and basic tools. */
  readonly programs?: readonly string[];
  readonly config?: ImageConfig;
  readonly files?: readonly LayerFile[];
}

const BASIC_PROGRAMS = ['sh', 'sleep', 'cat', 'echo', 'env', 'id', 'ls', 'touch', 'rm', 'head', 'seq', 'kill', 'pwd', 'hostname'];

const BASE_FILES: readonly LayerFile[] = [
  { path: '/etc/passwd', content: { text: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' } },
  { path: '/etc/group', content: { text: 'root:x:0:\nnogroup:x:65534:\n' } },
  { path: '/tmp', content: 'folder', mode: 0o1777 },
];

export async function buildHostImage({
  name,
  folder,
  programs = BASIC_PROGRAMS,
  config = {},
  files = [],
}: HostImageSpec): Promise<OciImage> {
  const found = programs.map((program) => ({ program, path: which(program) }));
  const libraries = new Set<string>();
  for (const { path } of found) for (const library of await librariesOf(path)) libraries.add(library);
  return buildImage({
    name,
    folder,
    config: { env: { PATH: '/usr/local/bin:/usr/bin:/bin' }, ...config },
    layers: [
      {
        kind: 'files',
        files: [
          ...BASE_FILES,
          ...found.map(({ program, path }): LayerFile => executable(`/bin/${program}`, path)),
          ...[...libraries].map((path) => executable(path, path)),
        ],
      },
      ...(files.length === 0 ? [] : [{ kind: 'files', files } as const]),
    ],
  });
}

function executable(path: string, onDisk: string): LayerFile {
  return { path, content: { bytes: readFileSync(realpathSync(onDisk)) }, mode: 0o755 };
}

/** @throws Error when no folder of PATH has it */
function which(program: string): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      return realpathSync(join(folder, program));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  throw new Error(`no program ${program} in PATH`);
}

/** The paths under which the dynamic linker will look for what `path` is linked with, itself included. */
async function librariesOf(path: string): Promise<string[]> {
  const listed = await runProgram('ldd', [path]);
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library as string);
}
