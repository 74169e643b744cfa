// What groups a pod with its like: the services that select it and the controller that owns it. Source: helper.DefaultSelector.
import { type LabelSelector, selectorFromObject, selectorFromSet } from '#apimachinery/labels.ts';
import { controllerOf } from '#api/owner-references.ts';
import { replicasets, replicationcontrollers, services, statefulsets } from '#api/resources.ts';
import type { Pod, Service } from '#api/types.ts';
import type { InformerFactory } from '#client/informer-contract.ts';

export interface Groups {
  readonly selectorOf: (pod: Pod) => LabelSelector;
  readonly synced: () => Promise<unknown>;
}

/** Services by one of the labels they ask for: a pod is asked about few of many. */
const BY_LABEL = 'pod-groups';

const indexKey = (namespace: string, label: string): string => `${namespace}/${label}`;
const labelOf = ([key, value]: readonly [string, string]): string => `${key}=${value}`;

function indexed({ metadata, spec }: Service): readonly string[] {
  const [first] = Object.entries(spec?.selector ?? {});
  return first === undefined ? [] : [indexKey(metadata.namespace ?? '', labelOf(first))];
}

export function watchGroups(informers: InformerFactory): Groups {
  const serviceInformer = informers.informer(services);
  serviceInformer.addIndex(BY_LABEL, indexed);
  const owners = {
    ReplicaSet: informers.informer(replicasets),
    ReplicationController: informers.informer(replicationcontrollers),
    StatefulSet: informers.informer(statefulsets),
  };

  function selectorOf(pod: Pod): LabelSelector {
    const { namespace, labels = {} } = pod.metadata;
    let set: Record<string, string> = {};
    for (const label of Object.entries(labels)) {
      for (const { spec } of serviceInformer.byIndex(BY_LABEL, indexKey(namespace, labelOf(label)))) {
        if (selectorFromSet(spec?.selector).matches(labels)) set = { ...set, ...spec?.selector };
      }
    }
    const owner = controllerOf(pod);
    switch (`${owner?.apiVersion}/${owner?.kind}`) {
      case 'v1/ReplicationController':
        return selectorFromSet({ ...set, ...owners.ReplicationController.get(owner?.name ?? '', namespace)?.spec.selector });
      case 'apps/v1/ReplicaSet':
        return withOwner(set, owners.ReplicaSet.get(owner?.name ?? '', namespace));
      case 'apps/v1/StatefulSet':
        return withOwner(set, owners.StatefulSet.get(owner?.name ?? '', namespace));
      default:
        return selectorFromSet(set);
    }
  }

  return {
    selectorOf,
    synced: () => Promise.all([serviceInformer, ...Object.values(owners)].map((informer) => informer.synced())),
  };
}

type Owner = { readonly spec: { readonly selector: Parameters<typeof selectorFromObject>[0] } };

function withOwner(set: Readonly<Record<string, string>>, owner: Owner | undefined): LabelSelector {
  const selector = selectorFromSet(set);
  return owner === undefined ? selector : selector.and(...selectorFromObject(owner.spec.selector).requirements);
}
