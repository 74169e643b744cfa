// Writes what type checking found into the status of ValidatingAdmissionPolicies.
// Source: pkg/controller/validatingadmissionpolicystatus.
import type { ValidatingAdmissionPolicy } from '#api/gen/admissionregistration-v1.ts';
import { customresourcedefinitions, validatingadmissionpolicies } from '#api/resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { kindsFor } from './known-kinds.ts';
import { checkTypes } from './type-checking.ts';

export const validatingAdmissionPolicyStatusController: Controller = {
  name: 'validatingadmissionpolicy-status-controller',
  serviceAccount: 'validatingadmissionpolicy-status-controller',
  reads: [validatingadmissionpolicies, customresourcedefinitions],
  writes: ['validatingadmissionpolicies/status'],
  workers: 5, // Source: --concurrent-validating-admission-policy-status-syncs
  setUp({ client, informers, queue }) {
    const policies = informers.informer(validatingadmissionpolicies);
    const definitions = informers.informer(customresourcedefinitions);
    const look = (policy: ValidatingAdmissionPolicy): void => {
      if (isDue(policy)) queue.add(keyOf(policy));
    };
    policies.addHandlers({ added: look, updated: look });
    return async (key) => {
      const policy = policies.byKey(key);
      if (policy === undefined || !isDue(policy)) return undefined;
      const expressionWarnings = checkTypes(
        policy,
        await kindsFor(policy, [...definitions.list()], async () => (await client.list(customresourcedefinitions)).items),
      );
      const status = {
        ...policy.status,
        observedGeneration: policy.metadata.generation ?? 0,
        typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings },
      };
      try {
        await client.update(validatingadmissionpolicies, { ...policy, status }, { subresource: 'status' });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
      return undefined;
    };
  },
};

function isDue({ metadata, status }: ValidatingAdmissionPolicy): boolean {
  const observed: number | undefined = (status as { readonly observedGeneration?: number } | undefined)?.observedGeneration;
  return (metadata.generation ?? 0) > (observed ?? 0);
}
