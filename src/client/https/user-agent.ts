// How the client introduces itself.
import { arch, platform } from 'node:process';
import { RELEASE } from '#api/build.ts';

/** Go's names for what Node calls otherwise. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** `kubelet/v1.36.0 (linux/amd64) kubernetes/v1.36.0`. Source: client-go rest buildUserAgent. */
export function userAgent(component = 'proa'): string {
  return `${component}/${RELEASE} (${platform}/${GO_ARCH[arch] ?? arch}) kubernetes/${RELEASE}`;
}
