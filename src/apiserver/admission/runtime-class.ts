// A pod of a runtime class has its overhead, and goes where the runtime is.
// Source: plugin/pkg/admission/runtimeclass admission.go; pkg/util/tolerations MergeTolerations.
import { ownValue } from '#api/json-object.ts';
import { runtimeclasses } from '#api/resources.ts';
import { equalResources } from '#api/resource-lists.ts';
import type { Pod, RuntimeClass, Toleration } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes, MutatingPlugin, ValidatingPlugin } from './contract.ts';
import { concerns, refusal } from './refusal.ts';

const MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

export function runtimeClassAdmission({ reader }: { readonly reader: CacheReader }): MutatingPlugin & ValidatingPlugin {
  const isPod = (attributes: AdmissionAttributes): boolean => concerns(attributes, '', 'pods') && attributes.object !== undefined;
  return {
    name: 'RuntimeClass',
    operations: ['CREATE'],
    async admit(attributes) {
      if (!isPod(attributes)) return undefined;
      const runtimeClass = await find(attributes, reader);
      return runtimeClass === undefined ? undefined : completed(attributes, attributes.object as Pod, runtimeClass);
    },
    async validate(attributes) {
      if (!isPod(attributes)) return;
      const { overhead } = (attributes.object as Pod).spec;
      const wanted = (await find(attributes, reader))?.overhead;
      if (wanted === undefined) {
        if (overhead !== undefined)
          throw refusal(attributes, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
        return;
      }
      if (!equalResources(wanted.podFixed ?? {}, overhead ?? {})) throw refusal(attributes, MISMATCH);
    },
  };
}

/** Undefined for a pod without class. @throws StatusError Forbidden */
async function find(attributes: AdmissionAttributes, reader: CacheReader): Promise<RuntimeClass | undefined> {
  const name = (attributes.object as Pod).spec.runtimeClassName;
  if (name === undefined) return undefined;
  const known = reader.get(runtimeclasses, name);
  if (known !== undefined) return known;
  await reader.caughtUp();
  const found = reader.get(runtimeclasses, name);
  if (found === undefined) throw refusal(attributes, `pod rejected: RuntimeClass ${goQuote(name)} not found`);
  return found;
}

function completed(attributes: AdmissionAttributes, pod: Pod, { overhead, scheduling }: RuntimeClass): Pod {
  const given = pod.spec.overhead ?? {};
  if (overhead !== undefined && Object.keys(given).length > 0 && !equalResources(overhead.podFixed ?? {}, given))
    throw refusal(attributes, MISMATCH);
  const nodeSelector = { ...pod.spec.nodeSelector };
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = ownValue(nodeSelector, key);
    if (own !== undefined && own !== value) {
      throw refusal(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    }
    nodeSelector[key] = value;
  }
  const tolerations =
    scheduling === undefined ? (pod.spec.tolerations ?? []) : mergeTolerations(pod.spec.tolerations ?? [], scheduling.tolerations ?? []);
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(overhead?.podFixed === undefined ? {} : { overhead: overhead.podFixed }),
      ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
      ...(tolerations.length === 0 ? {} : { tolerations }),
    },
  };
}

/** Both, without those that another one covers. A pod has room for tens of thousands, so each step counts. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): readonly Toleration[] {
  const all = [...first, ...second].map((toleration) => ({ toleration, text: textOf(toleration) }));
  const merged: Named[] = [];
  for (const [i, named] of all.entries()) {
    if (merged.some((kept) => covers(kept, named)) || isCoveredLater(all, i)) continue;
    merged.push(named);
  }
  return merged.map(({ toleration }) => toleration);
}

interface Named {
  readonly toleration: Toleration;
  /** Equal for equal ones. */
  readonly text: string;
}

const textOf = ({ key, operator, value, effect, tolerationSeconds }: Toleration): string =>
  JSON.stringify([key, operator, value, effect, tolerationSeconds]);

function isCoveredLater(all: readonly Named[], at: number): boolean {
  const named = all[at] as Named;
  for (let i = at + 1; i < all.length; i++) {
    const later = all[i] as Named;
    if (later.text !== named.text && covers(later, named)) return true;
  }
  return false;
}

/** Source: isSuperset. */
function covers({ toleration: wide, text }: Named, { toleration: narrow, text: other }: Named): boolean {
  if ((narrow.key ?? '') !== (wide.key ?? '') && ((wide.key ?? '') !== '' || wide.operator !== 'Exists')) return false;
  if (text === other) return true;
  if (wide.effect !== undefined && narrow.effect !== wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  if (wide.operator === 'Exists') return true;
  return (wide.operator ?? 'Equal') === 'Equal' && narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
}
