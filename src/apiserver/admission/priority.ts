// A pod's priority is that of its class. Source: plugin/pkg/admission/priority admission.go.
import { priorityclasses } from '#api/resources.ts';
import type { Pod, PriorityClass } from '#api/types.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes, MutatingPlugin, ValidatingPlugin } from './contract.ts';
import { concerns, refusal } from './refusal.ts';

type Preemption = PriorityClass['preemptionPolicy'];

interface Priority {
  readonly className: string;
  readonly value: number;
  readonly preemption: Preemption | undefined;
}

/** Of pods when no class is the default. Source: scheduling.DefaultPriorityWhenNoDefaultClassExists. */
const NO_CLASS: Priority = { className: '', value: 0, preemption: 'PreemptLowerPriority' };

export function priorityAdmission({ reader }: { readonly reader: CacheReader }): MutatingPlugin & ValidatingPlugin {
  return {
    name: 'Priority',
    operations: ['CREATE', 'UPDATE'],
    admit(attributes) {
      if (!concerns(attributes, '', 'pods') || attributes.object === undefined) return undefined;
      const pod = attributes.object as Pod;
      if (attributes.operation === 'UPDATE') return kept(pod, attributes.oldObject as Pod);
      const name = pod.spec.priorityClassName ?? '';
      if (name === '') return prioritised(attributes, pod, defaultPriority(reader));
      const known = reader.get(priorityclasses, name);
      if (known !== undefined) return prioritised(attributes, pod, priorityOf(known));
      return reader.caughtUp().then(() => {
        const found = reader.get(priorityclasses, name);
        if (found === undefined) throw refusal(attributes, `no PriorityClass with name ${name} was found`);
        return prioritised(attributes, pod, priorityOf(found));
      });
    },
    validate(attributes) {
      if (!concerns(attributes, 'scheduling.k8s.io', 'priorityclasses') || attributes.object === undefined) return;
      const { globalDefault, metadata } = attributes.object as PriorityClass;
      if (globalDefault !== true) return;
      const present = defaultClass(reader);
      if (present === undefined || (attributes.operation === 'UPDATE' && present.metadata.name === metadata.name)) return;
      throw refusal(attributes, `PriorityClass ${present.metadata.name} is already marked as default. Only one default can exist`);
    },
  };
}

/** A client that knows nothing of priorities must not remove them. */
function kept(pod: Pod, { spec: old }: Pod): Pod | undefined {
  const priority = pod.spec.priority ?? old.priority;
  const preemptionPolicy = pod.spec.preemptionPolicy ?? old.preemptionPolicy;
  if (priority === pod.spec.priority && preemptionPolicy === pod.spec.preemptionPolicy) return undefined;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(priority === undefined ? {} : { priority }),
      ...(preemptionPolicy === undefined ? {} : { preemptionPolicy }),
    },
  };
}

/** @throws StatusError Forbidden when the pod says something else than its class */
function prioritised(attributes: AdmissionAttributes, pod: Pod, { className, value, preemption }: Priority): Pod {
  const { priority, preemptionPolicy } = pod.spec;
  if (priority !== undefined && priority !== value) {
    throw refusal(
      attributes,
      `the integer value of priority (${priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  if (preemption !== undefined && preemptionPolicy !== undefined && preemptionPolicy !== preemption) {
    throw refusal(
      attributes,
      `the string value of PreemptionPolicy (${preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemption} from the given PriorityClass name`,
    );
  }
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(className === '' ? {} : { priorityClassName: className }),
      priority: value,
      ...(preemption === undefined ? {} : { preemptionPolicy: preemption }),
    },
  };
}

const priorityOf = ({ metadata, value, preemptionPolicy }: PriorityClass): Priority => ({
  className: metadata.name,
  value,
  preemption: preemptionPolicy,
});

function defaultPriority(reader: CacheReader): Priority {
  const found = defaultClass(reader);
  return found === undefined ? NO_CLASS : priorityOf(found);
}

/** Should there be several, the lowest. */
function defaultClass(reader: CacheReader): PriorityClass | undefined {
  let found: PriorityClass | undefined;
  for (const candidate of reader.list(priorityclasses)) {
    if (candidate.globalDefault === true && (found === undefined || found.value > candidate.value)) found = candidate;
  }
  return found;
}
