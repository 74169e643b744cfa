// Defaults of apps/v1. Source: pkg/apis/apps/v1/defaults.go.
import type { DaemonSetUpdateStrategy, DeploymentStrategy, StatefulSetSpec, StatefulSetUpdateStrategy } from '../gen/apps-v1.ts';
import type { New } from '../types.ts';
import { constants, fill, typed, type DefaulterTable } from './fill.ts';

const REVISION_HISTORY_LIMIT = 10;
const PROGRESS_DEADLINE_SECONDS = 600;

function defaultDeploymentStrategy(given: New<DeploymentStrategy>): New<DeploymentStrategy> {
  const strategy = fill(given, { type: 'RollingUpdate' });
  if (strategy.type !== 'RollingUpdate') return strategy;
  const rollingUpdate = fill(strategy.rollingUpdate ?? {}, { maxUnavailable: '25%', maxSurge: '25%' });
  return rollingUpdate === strategy.rollingUpdate ? strategy : { ...strategy, rollingUpdate };
}

function defaultDaemonSetStrategy(given: New<DaemonSetUpdateStrategy>): New<DaemonSetUpdateStrategy> {
  const strategy = fill(given, { type: 'RollingUpdate' });
  if (strategy.type !== 'RollingUpdate') return strategy;
  const rollingUpdate = fill(strategy.rollingUpdate ?? {}, { maxUnavailable: 1, maxSurge: 0 });
  return rollingUpdate === strategy.rollingUpdate ? strategy : { ...strategy, rollingUpdate };
}

/** Unlike the others it adds `rollingUpdate` only together with the type. */
function defaultStatefulSetStrategy(given: New<StatefulSetUpdateStrategy>): New<StatefulSetUpdateStrategy> {
  const strategy =
    given.type === undefined ? { ...given, type: 'RollingUpdate' as const, rollingUpdate: given.rollingUpdate ?? {} } : given;
  if (strategy.type !== 'RollingUpdate' || strategy.rollingUpdate === undefined) return strategy;
  const rollingUpdate = fill(strategy.rollingUpdate, { partition: 0 });
  return rollingUpdate === strategy.rollingUpdate ? strategy : { ...strategy, rollingUpdate };
}

/** Claim templates are whole objects. Source: Convert_apps_StatefulSetSpec_To_v1_StatefulSetSpec. */
function defaultStatefulSetSpec(given: New<StatefulSetSpec>): New<StatefulSetSpec> {
  const spec = fill(given, {
    replicas: 1,
    podManagementPolicy: 'OrderedReady',
    revisionHistoryLimit: REVISION_HISTORY_LIMIT,
    persistentVolumeClaimRetentionPolicy: {},
  });
  const templates = spec.volumeClaimTemplates;
  if (templates === undefined || templates.every(({ kind, apiVersion }) => kind !== undefined && apiVersion !== undefined)) return spec;
  return {
    ...spec,
    volumeClaimTemplates: templates.map((claim) => ({ ...claim, kind: 'PersistentVolumeClaim' as const, apiVersion: 'v1' })),
  };
}

const V1 = 'io.k8s.api.apps.v1.';

export const appsDefaults: DefaulterTable = {
  [`${V1}DeploymentSpec`]: constants({
    replicas: 1,
    revisionHistoryLimit: REVISION_HISTORY_LIMIT,
    progressDeadlineSeconds: PROGRESS_DEADLINE_SECONDS,
  }),
  [`${V1}DeploymentStrategy`]: typed(defaultDeploymentStrategy),
  [`${V1}ReplicaSetSpec`]: constants({ replicas: 1 }),
  [`${V1}DaemonSetSpec`]: constants({ revisionHistoryLimit: REVISION_HISTORY_LIMIT }),
  [`${V1}DaemonSetUpdateStrategy`]: typed(defaultDaemonSetStrategy),
  [`${V1}StatefulSetSpec`]: typed(defaultStatefulSetSpec),
  [`${V1}StatefulSetUpdateStrategy`]: typed(defaultStatefulSetStrategy),
  [`${V1}StatefulSetPersistentVolumeClaimRetentionPolicy`]: constants({ whenDeleted: 'Retain', whenScaled: 'Retain' }),
};
