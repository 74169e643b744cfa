// A StatefulSet, its pods and a small world around them, for tests.
import { alreadyExists, notFound } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { persistentvolumeclaims, pods } from '#api/resources.ts';
import type { ControllerRevision, OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from '#api/types.ts';
import { currentRevision, HASH_LABEL, newRevision } from '../runtime/history-plan.ts';
import { STATEFUL_SET_KIND } from './identity.ts';
import type { Deps } from './reconcile.ts';

export const NOW = Date.UTC(2026, 0, 1);

export const template = (image: string): StatefulSet['spec']['template'] =>
  ({ metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image }] } }) as unknown as StatefulSet['spec']['template'];

export function statefulSet(spec: object = {}, status: object = {}): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: 'ns', uid: 'set', resourceVersion: '1', creationTimestamp: formatTime(NOW), generation: 1 },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'db' } },
      template: template('v1'),
      serviceName: 'db',
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      revisionHistoryLimit: 2,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      ...spec,
    },
    status: { replicas: 0, availableReplicas: 0, ...status },
  } as unknown as StatefulSet;
}

/** An API server without a network: what a StatefulSet's pass reads and writes, at once and in the open. */
export class World {
  set: StatefulSet;
  readonly pods = new Map<string, Pod>();
  readonly claims = new Map<string, PersistentVolumeClaim>();
  readonly revisions: ControllerRevision[] = [];
  readonly log: string[] = [];
  now = NOW;
  writes = 0;
  #serial = 0;

  constructor(set: StatefulSet) {
    this.set = set;
  }

  /** Its containers run; ready says whether they answer. */
  run(name: string, ready = true): void {
    const pod = this.pods.get(name);
    if (pod === undefined) throw notFound(pods, name);
    const condition = { type: 'Ready', status: ready ? 'True' : 'False', lastProbeTime: null, lastTransitionTime: formatTime(this.now) };
    this.pods.set(name, { ...pod, status: { ...pod.status, phase: 'Running', conditions: [condition] } } as Pod);
  }

  fail(name: string): void {
    const pod = this.pods.get(name);
    if (pod !== undefined) this.pods.set(name, { ...pod, status: { ...pod.status, phase: 'Failed', conditions: [] } } as Pod);
  }

  /** The kubelet has ended it. */
  end(name: string): void {
    const pod = this.pods.get(name);
    this.pods.delete(name);
    for (const [claim, { metadata }] of this.claims) {
      if (metadata.ownerReferences?.some(({ uid }) => uid === pod?.metadata.uid) === true) this.claims.delete(claim);
    }
  }

  deps(): Deps {
    const wrote = (line: string): void => {
      this.writes++;
      this.log.push(line);
    };
    return {
      find: () => this.set,
      pods: () => Promise.resolve([...this.pods.values()]),
      revisions: () => Promise.resolve([...this.revisions]),
      ensureRevision: (set, history) => {
        const plan = currentRevision(history, set.spec.template);
        if (plan.kind === 'same') return Promise.resolve({ revision: plan.revision, collisionCount: 0 });
        if (plan.kind === 'renumber') {
          const next = { ...plan.revision, revision: plan.to };
          this.revisions[this.revisions.indexOf(plan.revision)] = next;
          return Promise.resolve({ revision: next, collisionCount: 0 });
        }
        const made = newRevision(set, STATEFUL_SET_KIND, {
          revision: plan.number,
          collisionCount: 0,
          hashLabel: HASH_LABEL,
        }) as unknown as ControllerRevision;
        const revision = { ...made, metadata: { ...made.metadata, creationTimestamp: formatTime(this.now) } };
        this.revisions.push(revision);
        return Promise.resolve({ revision, collisionCount: 0 });
      },
      deleteRevisions: (expired) => {
        for (const revision of expired) this.revisions.splice(this.revisions.indexOf(revision), 1);
        return Promise.resolve();
      },
      claim: (_, name) => this.claims.get(name),
      maxUnavailable: ({ spec }) => spec.updateStrategy.rollingUpdate?.maxUnavailable,
      createPod: (draft) => {
        const { name } = draft.metadata;
        if (this.pods.has(name)) return Promise.reject(alreadyExists(pods, name));
        const metadata = { ...draft.metadata, uid: `pod-${++this.#serial}`, resourceVersion: '1', creationTimestamp: formatTime(this.now) };
        this.pods.set(name, { ...draft, metadata, status: { phase: 'Pending' } } as unknown as Pod);
        wrote(`create ${name}`);
        return Promise.resolve();
      },
      updatePod: (pod) => {
        this.pods.set(pod.metadata.name, pod);
        wrote(`update ${pod.metadata.name}`);
        return Promise.resolve();
      },
      deletePod: ({ metadata }) => {
        const pod = this.pods.get(metadata.name);
        if (pod?.metadata.uid !== metadata.uid) return Promise.reject(notFound(pods, metadata.name));
        wrote(`delete ${metadata.name}`);
        if (pod.status.phase === 'Running')
          this.pods.set(metadata.name, { ...pod, metadata: { ...pod.metadata, deletionTimestamp: formatTime(this.now) } });
        else this.end(metadata.name);
        return Promise.resolve();
      },
      createClaim: (draft) => {
        const { name } = draft.metadata;
        if (this.claims.has(name)) return Promise.reject(alreadyExists(persistentvolumeclaims, name));
        this.claims.set(name, draft as unknown as PersistentVolumeClaim);
        wrote(`create claim ${name}`);
        return Promise.resolve();
      },
      updateClaim: (claim) => {
        this.claims.set(claim.metadata.name, claim);
        wrote(`own claim ${claim.metadata.name}: ${ownersText(claim.metadata.ownerReferences)}`);
        return Promise.resolve();
      },
      writeStatus: (set, status) => {
        this.writes++;
        this.set = { ...set, status };
        return Promise.resolve();
      },
      event: () => {},
      counted: () => {},
      now: () => this.now,
    };
  }
}

const ownersText = (owners: readonly OwnerReference[] | undefined): string =>
  (owners ?? []).map(({ kind, name }) => `${kind}/${name}`).join(' ');
