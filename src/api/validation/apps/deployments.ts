// Deployments. Source: ValidateDeployment, ValidateDeploymentUpdate, ValidateDeploymentStatusUpdate.
import type { Deployment, DeploymentSpec, DeploymentStrategy } from '../../gen/apps-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import type { Problems } from '../problems.ts';
import {
  intOrPercentValue,
  validateAtMost,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
  validateReplicaTemplate,
  validateWorkloadSelector,
} from './workloads.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');

export function validateDeployment(out: Problems, deployment: Deployment): void {
  validateObjectMeta(out, deployment.metadata, 'namespaced', subdomainName);
  validateSpec(out, deployment.spec);
}

export function validateDeploymentUpdate(out: Problems, deployment: Deployment, old: Deployment): void {
  validateObjectMetaUpdate(out, deployment.metadata, old.metadata);
  validateSpec(out, deployment.spec);
  out.immutable(SPEC.child('selector'), deployment.spec.selector, deepEqual(deployment.spec.selector, old.spec.selector));
}

function validateSpec(out: Problems, spec: DeploymentSpec): void {
  out.nonNegative(SPEC.child('replicas'), spec.replicas);
  validateWorkloadSelector(out, SPEC.child('selector'), spec.selector, 'deployment');
  validateReplicaTemplate(out, SPEC, spec);
  validateStrategy(out, SPEC.child('strategy'), spec.strategy);
  out.nonNegative(SPEC.child('minReadySeconds'), spec.minReadySeconds);
  out.nonNegative(SPEC.child('revisionHistoryLimit'), spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  if (deadline === undefined) return;
  out.nonNegative(SPEC.child('progressDeadlineSeconds'), deadline);
  if (deadline <= (spec.minReadySeconds ?? 0))
    out.invalid(SPEC.child('progressDeadlineSeconds'), deadline, 'must be greater than minReadySeconds');
}

function validateStrategy(out: Problems, at: Path, strategy: DeploymentStrategy): void {
  const path = at.child('rollingUpdate');
  const rolling = strategy.rollingUpdate;
  if (strategy.type === 'Recreate') {
    if (rolling !== undefined) out.forbidden(path, "may not be specified when strategy `type` is 'Recreate'");
  } else if (strategy.type === 'RollingUpdate') {
    if (rolling === undefined) return out.required(path, 'this should be defaulted and never be nil');
    const { maxUnavailable, maxSurge } = rolling;
    out.intOrPercent(path.child('maxUnavailable'), maxUnavailable);
    out.intOrPercent(path.child('maxSurge'), maxSurge);
    if (intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0) {
      out.invalid(path.child('maxUnavailable'), maxUnavailable, 'may not be 0 when `maxSurge` is 0');
    }
    validateAtMost100Percent(out, path.child('maxUnavailable'), maxUnavailable);
  } else {
    const { type, rollingUpdate } = strategy as { readonly type?: string; readonly rollingUpdate?: DeploymentStrategy['rollingUpdate'] };
    const shown = {
      Type: type ?? '',
      RollingUpdate:
        rollingUpdate === undefined ? null : { MaxUnavailable: rollingUpdate.maxUnavailable, MaxSurge: rollingUpdate.maxSurge },
    };
    out.notSupported(at, shown, ['Recreate', 'RollingUpdate']);
  }
}

export function validateDeploymentStatusUpdate(out: Problems, deployment: Deployment, old: Deployment): void {
  validateObjectMetaUpdate(out, deployment.metadata, old.metadata);
  const status = deployment.status ?? {};
  validateCounts(out, STATUS, status, [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'terminatingReplicas',
    'collisionCount',
  ]);
  const members = ['updatedReplicas', 'readyReplicas', 'availableReplicas'] as const;
  validateAtMost(out, STATUS, status, { members, limit: status.replicas ?? 0, detail: 'cannot be greater than status.replicas' });
  validateAtMost(out, STATUS, status, {
    members: ['availableReplicas'],
    limit: status.readyReplicas ?? 0,
    detail: 'cannot be greater than readyReplicas',
  });
  validateCollisionCount(out, STATUS, status.collisionCount, old.status?.collisionCount);
}
