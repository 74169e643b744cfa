// The images that the examples name, made of Debian packages. Kept in the checkout's cache: a second call is quick.
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { buildDebianImage, type DebianImageSpec } from '#cri/image/debian-image.ts';
import { imageArchive } from '#cri/image/oci-image.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Everything goes to the log, and the pages are where the public image has them. */
const NGINX_CONFIG = `pid /run/nginx.pid;
error_log /dev/stderr;
events {}
http {
  access_log /dev/stdout;
  include /etc/nginx/mime.types;
  server {
    listen 80;
    root /usr/share/nginx/html;
  }
}
`;

/** Packages depend on neither: every Debian system has them. */
const SHELL = ['dash', 'coreutils'];

const RECIPES: readonly Omit<DebianImageSpec, 'cacheFolder'>[] = [
  { name: 'python:3-slim', packages: ['python3', ...SHELL], config: { cmd: ['python3'] } },
  {
    name: 'redis:7',
    packages: ['redis-server', ...SHELL],
    users: [{ name: 'redis', uid: 999, home: '/var/lib/redis' }],
    config: { cmd: ['redis-server'], user: 'redis', workingDir: '/tmp', exposedPorts: ['6379/tcp'] },
  },
  {
    name: 'nginx:stable',
    packages: ['nginx', ...SHELL],
    files: [
      { path: '/etc/nginx/nginx.conf', content: { text: NGINX_CONFIG } },
      { path: '/var/lib/nginx', content: 'folder' },
      { path: '/var/log/nginx', content: 'folder' },
    ],
    config: { entrypoint: ['nginx', '-g', 'daemon off;'], exposedPorts: ['80/tcp'], stopSignal: 'SIGQUIT' },
  },
];

/** One archive an image, in `folder`: their paths. @throws ProgramError without root, or without the Debian archive */
export async function exampleArchives(folder: string): Promise<readonly string[]> {
  const archives: string[] = [];
  // One after the other: apt takes a lock.
  for (const recipe of RECIPES) {
    const image = await buildDebianImage({ ...recipe, cacheFolder: join(ROOT, '.cache', 'debian') });
    const archive = join(folder, `${recipe.name.replaceAll(/[:/]/g, '-')}.tar`);
    await pipeline(imageArchive(image), createWriteStream(archive));
    archives.push(archive);
  }
  return archives;
}
