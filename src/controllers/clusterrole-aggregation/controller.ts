// Gives cluster roles that gather others the rules of those. Source: pkg/controller/clusterroleaggregation.
import { aggregatedRules } from '#api/aggregated-rules.ts';
import { clusterroles } from '#api/resources.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import type { ClusterRole } from '#api/types.ts';
import type { Controller } from '../runtime/controller.ts';

const AGGREGATING = 'aggregating';
const aggregates = ({ aggregationRule }: ClusterRole): readonly string[] => (aggregationRule === undefined ? [] : ['']);

export const clusterRoleAggregationController: Controller = {
  name: 'clusterrole-aggregation-controller',
  serviceAccount: 'clusterrole-aggregation-controller',
  reads: [clusterroles],
  writes: ['clusterroles'],
  workers: 5,
  setUp({ client, informers, queue }) {
    const roles = informers.informer(clusterroles);
    roles.addIndex(AGGREGATING, aggregates);
    // Any role may be among those gathered.
    const wakeAll = (): void => {
      for (const { metadata } of roles.byIndex(AGGREGATING, '')) queue.add(metadata.name);
    };
    roles.addHandlers({ added: wakeAll, updated: wakeAll, deleted: wakeAll });
    return async (name) => {
      const role = roles.get(name);
      const rules = role === undefined ? undefined : aggregatedRules(role, [...roles.list()]);
      if (rules === undefined || deepEqual(rules, role?.rules ?? [])) return;
      const body = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules };
      await client.patch(clusterroles, { name }, { type: 'apply', body, fieldManager: 'clusterrole-aggregation-controller', force: true });
    };
  },
};
