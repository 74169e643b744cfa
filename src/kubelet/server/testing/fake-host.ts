// A kubelet of one pod, for tests of the server.
import type { Pod } from '#api/types.ts';
import type { CriClient } from '#cri/contract.ts';
import { MACHINE } from '../../testing/machine.ts';
import type { Access, KubeletHost, LogTarget } from '../contract.ts';

export interface FakeHostOptions {
  readonly pod?: Pod;
  readonly cri?: CriClient;
  readonly containerId?: string;
  readonly sandboxId?: string;
  readonly tty?: boolean;
  readonly log?: () => Promise<LogTarget>;
  readonly overrides?: Partial<KubeletHost>;
}

export function fakeHost({ pod = testPod('web'), cri, containerId, sandboxId, tty = false, log, overrides }: FakeHostOptions): KubeletHost {
  const { name, namespace, uid } = pod.metadata;
  return {
    nodeName: 'node',
    pods: () => [pod],
    pod: (inNamespace, named, instance) =>
      inNamespace === namespace && named === name && (instance === undefined || instance === '' || instance === uid) ? pod : undefined,
    runningContainer: (asked, container) =>
      Promise.resolve(asked.metadata.uid === uid && pod.spec.containers.some((each) => each.name === container) ? containerId : undefined),
    readySandbox: () => Promise.resolve(sandboxId),
    hasTty: () => tty,
    logTarget: log ?? (() => Promise.reject(new Error('the test has no log'))),
    summary: () => Promise.reject(new Error('the test has no figures')),
    cadvisor: () => Promise.reject(new Error('the test has no figures')),
    machine: MACHINE,
    get cri(): CriClient {
      if (cri === undefined) throw new Error('the test has no runtime');
      return cri;
    },
    troubledForMs: () => 0,
    configuration: () => ({}),
    probeCounts: () => [],
    probeDurations: () => '',
    logDirectory: '/nowhere',
    checkpoints: '/nowhere',
    figures: () => '',
    ...overrides,
  };
}

export function testPod(name: string, container = 'app'): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-of-${name}`, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { nodeName: 'node', containers: [{ name: container, image: 'example.test/programs:1' }] },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: container, ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } }],
    },
  } as unknown as Pod;
}

/** Everybody with a certificate may do everything; the token `known` is of `token-user`. */
export const openAccess: Access = {
  authenticateToken: (token) => Promise.resolve(token === 'known' ? { name: 'token-user', groups: [] } : undefined),
  allows: () => Promise.resolve(true),
};
