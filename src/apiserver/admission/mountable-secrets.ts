// Accounts that ask for it let their pods use only the secrets they list.
// Source: plugin/pkg/admission/serviceaccount admission.go limitSecretReferences, limitEphemeralContainerSecretReferences.
import type { Container, EphemeralContainer, Pod, ServiceAccount } from '#api/types.ts';

/** The first secret of `pod` that `account` does not list. */
export function unmountableSecret(pod: Pod, account: ServiceAccount): string | undefined {
  const { name } = account.metadata;
  const mountable = mountableOf(account);
  for (const { secret } of pod.spec.volumes ?? []) {
    if (secret === undefined || mountable.has(secret.secretName ?? '')) continue;
    return `volume with secret.secretName="${secret.secretName ?? ''}" is not allowed because service account ${name} does not reference that secret`;
  }
  const inContainers =
    ofContainers('init container', pod.spec.initContainers ?? [], account) ?? ofContainers('container', pod.spec.containers, account);
  if (inContainers !== undefined) return inContainers;
  const pull = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name));
  for (const [i, secret] of (pod.spec.imagePullSecrets ?? []).entries()) {
    if (pull.has(secret.name)) continue;
    return `imagePullSecrets[${i}].name="${secret.name}" is not allowed because service account ${name} does not reference that imagePullSecret`;
  }
  return undefined;
}

export const unmountableEphemeral = (pod: Pod, account: ServiceAccount): string | undefined =>
  ofContainers('ephemeral container', pod.spec.ephemeralContainers ?? [], account);

const mountableOf = ({ secrets }: ServiceAccount): ReadonlySet<string> => new Set((secrets ?? []).map(({ name }) => name ?? ''));

function ofContainers(kind: string, containers: readonly (Container | EphemeralContainer)[], account: ServiceAccount): string | undefined {
  const mountable = mountableOf(account);
  const refused = (secret: string): string =>
    `referencing secret.secretName="${secret}" is not allowed because service account ${account.metadata.name} does not reference that secret`;
  for (const { name, env = [], envFrom = [] } of containers) {
    for (const { name: variable, valueFrom } of env) {
      const secret = valueFrom?.secretKeyRef?.name;
      if (secret !== undefined && !mountable.has(secret)) return `${kind} ${name} with envVar ${variable} ${refused(secret)}`;
    }
    for (const { secretRef } of envFrom) {
      if (secretRef !== undefined && !mountable.has(secretRef.name)) return `${kind} ${name} with envFrom ${refused(secretRef.name)}`;
    }
  }
  return undefined;
}
