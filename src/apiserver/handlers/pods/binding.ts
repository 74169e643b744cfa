// Binding: the scheduler's decision, written in one step. Source: pkg/registry/core/pod/storage BindingREST.
import type { Binding, KubeObject, Pod } from '#api/types.ts';
import { setCondition } from '#api/conditions.ts';
import { conflict, StatusError } from '#apimachinery/errors.ts';
import { aggregateText, notSupported, required, type FieldError } from '#apimachinery/field-errors.ts';
import { update } from '../../registry/update.ts';
import { withMetadata } from '../../registry/metadata.ts';
import type { Answer } from '../answer.ts';
import { readPosted } from '../named-create.ts';
import type { HandlerDeps, Operation } from '../operation.ts';

const BINDING = { group: '', version: 'v1', kind: 'Binding' } as const;

/** POST to `pods/NAME/binding`, and to `bindings` with the name in the body. */
export async function createBinding(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { request } = operation;
  const { object: binding, options } = await readPosted<Binding & KubeObject>(operation, BINDING, deps);
  const problems = validateBinding(binding);
  // Upstream hands the list on without a kind, which makes it a plain error.
  if (problems.length > 0) throw new StatusError('', aggregateText(problems), undefined, 500);

  const pods = deps.registry.catalog.find({ group: '', version: 'v1', resource: 'pods' });
  if (pods?.stored === undefined) throw new Error('pods are not served');
  const { name } = binding.metadata;
  const { namespace } = request.info;
  const call = { served: pods, stored: pods.stored, request, namespace, name, subresource: 'binding', options, admitted: true as const };
  await update(
    call,
    {
      next: (current) => assigned(current as Pod, binding, deps.registry.clock.now()),
      mayCreate: false,
      uid: binding.metadata.uid ?? '',
      hooks: {},
    },
    deps.registry,
  );
  return { kind: 'object', code: 201, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

/** Source: ValidatePodBinding. */
function validateBinding({ target }: Binding): readonly FieldError[] {
  const errors: FieldError[] = [];
  const kind = target.kind ?? '';
  if (kind !== '' && kind !== 'Node') errors.push(notSupported('target.kind', kind, ['Node', '<empty>']));
  if ((target.name ?? '') === '') errors.push(required('target.name', ''));
  return errors;
}

/** The pod on its node. Pure. Source: setPodNodeAndMetadata. */
function assigned(pod: Pod, { metadata, target }: Binding, now: number): KubeObject {
  const { name } = pod.metadata;
  const refuse = (why: string): StatusError => conflict({ group: '', resource: 'pods/binding' }, name, why);
  const { resourceVersion } = metadata;
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== pod.metadata.resourceVersion) {
    throw refuse(
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`,
    );
  }
  if (pod.metadata.deletionTimestamp !== undefined) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  const current = pod.spec.nodeName ?? '';
  if (current !== '') throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(current)}`);
  if ((pod.spec.schedulingGates ?? []).length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);

  const { nominatedNodeName: _nominated, ...status } = pod.status;
  const conditions = setCondition(status.conditions ?? [], scheduled(pod), now);
  const bound: Pod = { ...pod, spec: { ...pod.spec, nodeName: target.name as string }, status: { ...status, conditions } };
  const annotations = { ...pod.metadata.annotations, ...metadata.annotations };
  const labels = { ...pod.metadata.labels, ...metadata.labels };
  // A binding is no change of what was asked for: the generation stays.
  return withMetadata(bound, {
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    resourceVersion: undefined,
  });
}

type PodCondition = NonNullable<Pod['status']['conditions']>[number];

const scheduled = ({ metadata: { generation } }: Pod): PodCondition => ({
  type: 'PodScheduled',
  ...(generation === undefined ? {} : { observedGeneration: generation }),
  status: 'True',
  lastProbeTime: null,
  lastTransitionTime: null,
});
