// The plugins that are on by default, in the order they run.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Authorizer } from '../authorization/contract.ts';
import { escalationCheck, type EscalationDeps } from '../authorization/rbac/escalation.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionChain, MutatingPlugin, ValidatingPlugin } from './contract.ts';
import { defaultTolerationSeconds, type TolerationSeconds } from './default-toleration-seconds.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { priorityAdmission } from './priority.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';

export interface AdmissionDeps {
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly authorizer: Authorizer;
  readonly rbac: EscalationDeps['rbac'];
}

export interface AdmissionSettings {
  readonly tolerationSeconds?: TolerationSeconds;
}

type Plugin = MutatingPlugin | ValidatingPlugin;
type Make = (deps: AdmissionDeps, settings: AdmissionSettings) => Plugin;

/**
 * Source: pkg/kubeapiserver/options plugins.go AllOrderedPlugins, DefaultOffAdmissionPlugins; NodeRestriction as kubeadm
 * turns it on. Escalation is checked by upstream's storage, after all plugins that mutate.
 */
const DEFAULT_PLUGINS: readonly Make[] = [
  ({ reader, clock }) => namespaceLifecycle({ reader, clock }),
  ({ reader, clock, ids }) => serviceAccountAdmission({ reader, clock, ids }),
  ({ reader, authorizer }) => nodeRestriction({ reader, authorizer }),
  () => taintNodesByCondition,
  ({ reader }) => priorityAdmission({ reader }),
  (_, { tolerationSeconds }) => defaultTolerationSeconds(tolerationSeconds),
  ({ authorizer, rbac }) => escalationCheck({ authorizer, rbac }),
];

export function defaultPlugins(deps: AdmissionDeps, settings: AdmissionSettings = {}): AdmissionChain {
  const plugins = DEFAULT_PLUGINS.map((make) => make(deps, settings));
  return {
    mutating: plugins.filter((plugin): plugin is MutatingPlugin => 'admit' in plugin),
    validating: plugins.filter((plugin): plugin is ValidatingPlugin => 'validate' in plugin),
  };
}
