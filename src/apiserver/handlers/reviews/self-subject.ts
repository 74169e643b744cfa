// SelfSubjectReview: who am I. Source: pkg/registry/authentication/selfsubjectreview.
import type { KubeObject } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { UserInfo } from '../../authentication/contract.ts';
import type { Answer } from '../answer.ts';
import { readPosted } from '../named-create.ts';
import type { HandlerDeps, Operation } from '../operation.ts';

export async function createSelfSubjectReview(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { info } = operation.served;
  await readPosted<KubeObject>(operation, info, deps);
  const object = {
    kind: info.kind,
    apiVersion: operation.served.apiVersion,
    metadata: { creationTimestamp: formatTime(deps.registry.clock.now()) },
    status: { userInfo: wireUser(operation.request.user) },
  };
  return { kind: 'object', code: 201, object };
}

/** UserInfo of authentication.k8s.io/v1: empty members left out. */
export function wireUser({ name, uid, groups, extra }: UserInfo): object {
  return {
    ...(name === '' ? {} : { username: name }),
    ...(uid === undefined || uid === '' ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
