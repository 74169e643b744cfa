// The software that tests run in containers, as images made of Debian packages. Import this before the harness that
// isolates a test file: fetching needs the network, and is over before the network is gone. Inside, the images are found
// in the checkout's cache.
import { fileURLToPath } from 'node:url';
import { buildDebianImage, type DebianImageSpec } from '../image/debian-image.ts';

const cacheFolder = fileURLToPath(new URL('../../../.cache/debian', import.meta.url));

type Recipe = Omit<DebianImageSpec, 'cacheFolder'>;

const NGINX_CONFIG = `daemon off;
pid /run/nginx.pid;
error_log /dev/stderr;
events {}
http {
  access_log /dev/stdout;
  server {
    listen 8081;
    location / { return 200 "nginx says hello\\n"; }
  }
}
`;

/** Packages depend on neither: every Debian system has them. */
const SHELL = ['dash', 'coreutils'];

export const RECIPES = {
  nginx: {
    name: 'example.test/nginx:debian',
    packages: ['nginx', ...SHELL],
    files: [
      { path: '/etc/nginx/nginx.conf', content: { text: NGINX_CONFIG } },
      { path: '/var/lib/nginx', content: 'folder' },
      { path: '/var/log/nginx', content: 'folder' },
    ],
    config: { entrypoint: ['nginx'], exposedPorts: ['8081/tcp'], stopSignal: 'SIGQUIT' },
  },
  redis: {
    name: 'example.test/redis:debian',
    packages: ['redis-server', ...SHELL],
    users: [{ name: 'redis', uid: 999, home: '/var/lib/redis' }],
    config: { entrypoint: ['redis-server', '--port', '6380', '--save', ''], user: 'redis', workingDir: '/tmp', exposedPorts: ['6380/tcp'] },
  },
  python: {
    name: 'example.test/python:debian',
    packages: ['python3', ...SHELL],
    config: { entrypoint: ['python3', '-u', '-m', 'http.server', '8082'], workingDir: '/usr/share', exposedPorts: ['8082/tcp'] },
  },
} as const satisfies Readonly<Record<string, Recipe>>;

export type Software = keyof typeof RECIPES;

/** Builds what the cache lacks, one after the other: apt takes a lock. */
export async function debianImages(): Promise<Readonly<Record<Software, Awaited<ReturnType<typeof buildDebianImage>>>>> {
  const build = (software: Software): ReturnType<typeof buildDebianImage> => buildDebianImage({ ...RECIPES[software], cacheFolder });
  return { nginx: await build('nginx'), redis: await build('redis'), python: await build('python') };
}

export const DEBIAN_IMAGES = await debianImages();
