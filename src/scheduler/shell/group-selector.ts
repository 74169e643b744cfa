// What groups a pod with its like: the services that select it and the controller that owns it. Source: helper.DefaultSelector.
import { type LabelSelector, selectorFromObject, selectorFromSet } from '#apimachinery/labels.ts';
import { controllerOf } from '#api/owner-references.ts';
import { replicasets, replicationcontrollers, services, statefulsets } from '#api/resources.ts';
import type { KubeObject, Pod } from '#api/types.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import { isEqual } from '../framework/cluster-event.ts';

export interface Groups {
  readonly selectorOf: (pod: Pod) => LabelSelector;
  readonly synced: () => Promise<unknown>;
  readonly stop: () => void;
}

/** `changed`: pods may be grouped otherwise from now on. */
export function watchGroups(informers: InformerFactory, changed: () => void): Groups {
  const serviceInformer = informers.informer(services);
  const owners = {
    ReplicaSet: informers.informer(replicasets),
    ReplicationController: informers.informer(replicationcontrollers),
    StatefulSet: informers.informer(statefulsets),
  };

  function selectorOf(pod: Pod): LabelSelector {
    const { namespace, labels = {} } = pod.metadata;
    let set: Record<string, string> = {};
    for (const { spec } of serviceInformer.list(namespace)) {
      if (spec?.selector !== undefined && selectorFromSet(spec.selector).matches(labels)) set = { ...set, ...spec.selector };
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

  const informed = [serviceInformer, ...Object.values(owners)] as readonly Informer<KubeObject>[];
  const selector = (object: KubeObject): unknown => (object as { readonly spec?: { readonly selector?: unknown } }).spec?.selector;
  const removers = informed.map((informer) =>
    informer.addHandlers({
      added: changed,
      deleted: changed,
      updated(object, previous) {
        if (!isEqual(selector(object), selector(previous))) changed();
      },
    }),
  );
  return {
    selectorOf,
    synced: () => Promise.all(informed.map((informer) => informer.synced())),
    stop: () => removers.forEach((remove) => remove()),
  };
}

type Owner = { readonly spec: { readonly selector: Parameters<typeof selectorFromObject>[0] } };

function withOwner(set: Readonly<Record<string, string>>, owner: Owner | undefined): LabelSelector {
  const selector = selectorFromSet(set);
  return owner === undefined ? selector : selector.and(...selectorFromObject(owner.spec.selector).requirements);
}
