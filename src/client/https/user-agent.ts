// How the client introduces itself.
import { arch, platform } from 'node:process';

/** The Kubernetes release whose API this client speaks. */
const KUBERNETES_VERSION = 'v1.36';

/** Go's names for what Node calls otherwise. */
const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** `kubelet/v1.36 (linux/amd64) kubernetes/v1.36`. Source: client-go rest buildUserAgent. */
export function userAgent(component = 'proa'): string {
  return `${component}/${KUBERNETES_VERSION} (${platform}/${GO_ARCH[arch] ?? arch}) kubernetes/${KUBERNETES_VERSION}`;
}
