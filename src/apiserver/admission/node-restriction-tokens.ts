// Tokens a kubelet may ask for: bound to pods it runs, for audiences they name.
// Source: noderestriction admitServiceAccount, validateNodeServiceAccountAudience, podReferencesAudience.
import type { TokenRequest } from '#api/gen/authentication-v1.ts';
import { migratedDriver, type VolumeSource } from '#api/migrated-volumes.ts';
import { csidrivers, persistentvolumeclaims, persistentvolumes, pods } from '#api/resources.ts';
import type { Pod, Volume } from '#api/types.ts';
import { notFound } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes } from './contract.ts';
import type { NodeRestrictionDeps } from './node-restriction.ts';
import { refusal } from './refusal.ts';

/** @throws StatusError Forbidden, NotFound */
export async function checkNodeToken(node: string, attributes: AdmissionAttributes, deps: NodeRestrictionDeps): Promise<void> {
  const { operation, subresource, namespace, object } = attributes;
  if (operation !== 'CREATE' || subresource !== 'token') return;
  const { spec } = object as unknown as TokenRequest;
  const reference = spec.boundObjectRef;
  if (reference === null || reference === undefined || reference.apiVersion !== 'v1' || reference.kind !== 'Pod' || !reference.name) {
    throw refusal(attributes, 'node requested token not bound to a pod');
  }
  if (!reference.uid) throw refusal(attributes, 'node requested token with a pod binding without a uid');
  const pod = await findPod(reference.name, namespace, deps.reader);
  if (reference.uid !== pod.metadata.uid) {
    throw refusal(
      attributes,
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (pod.spec.nodeName !== node) throw refusal(attributes, 'node requested token bound to a pod scheduled on a different node');
  await checkAudience(attributes, spec, pod, deps);
}

/** The kubelet may have heard of a pod before this cache. */
async function findPod(name: string, namespace: string, reader: CacheReader): Promise<Pod> {
  const known = reader.get(pods, name, namespace);
  if (known !== undefined) return known;
  await reader.caughtUp();
  const found = reader.get(pods, name, namespace);
  if (found === undefined) throw notFound(pods, name);
  return found;
}

async function checkAudience(
  attributes: AdmissionAttributes,
  spec: TokenRequest['spec'],
  pod: Pod,
  { reader, authorizer }: NodeRestrictionDeps,
): Promise<void> {
  const audiences = spec.audiences ?? [];
  if (audiences.length > 1) throw refusal(attributes, 'node may only request 0 or 1 audiences');
  const [audience = ''] = audiences;
  const { found, errors } = podAudience(pod, audience, reader);
  if (found) return;
  if (errors.length > 0)
    throw refusal(
      attributes,
      `error validating audience ${goQuote(audience)}: ${errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`}`,
    );
  const { user, namespace, name, request } = attributes;
  const { decision, error } = await authorizer.authorize(
    {
      user,
      verb: 'request-serviceaccounts-token-audience',
      isResourceRequest: true,
      namespace,
      group: '',
      version: 'v1',
      resource: audience,
      subresource: '',
      name,
      path: '',
    },
    request,
  );
  if (decision === 'allow') return;
  const missing = `audience ${goQuote(audience)} not found in pod spec volume`;
  throw refusal(
    attributes,
    error === undefined
      ? `${missing}, ${user.name} is not authorized to request tokens for this audience`
      : `${missing}, error authorizing ${user.name} to request tokens for this audience: ${error.message}`,
  );
}

/** Whether a volume of the pod wants a token for `audience`: by projection, or because its CSI driver does. */
function podAudience(pod: Pod, audience: string, reader: CacheReader): { readonly found: boolean; readonly errors: readonly string[] } {
  const errors: string[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const tokens = (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken }) => serviceAccountToken ?? []);
    if (tokens.some((token) => (token.audience ?? '') === audience)) return { found: true, errors };
    const driver = driverOf(pod, volume, reader);
    if (driver === undefined) continue;
    const spec = 'error' in driver ? undefined : reader.get(csidrivers, driver.name)?.spec;
    if ('error' in driver) errors.push(driver.error);
    else if (spec === undefined) errors.push(`csidriver.storage.k8s.io ${goQuote(driver.name)} not found`);
    else if ((spec.tokenRequests ?? []).some((token) => token.audience === audience)) return { found: true, errors };
  }
  return { found: false, errors };
}

type Driver = { readonly name: string } | { readonly error: string };

const translated = (source: VolumeSource): Driver | undefined => {
  const name = migratedDriver(source);
  return name === undefined ? undefined : { name };
};

function driverOf({ metadata }: Pod, volume: Volume, reader: CacheReader): Driver | undefined {
  if (volume.ephemeral?.volumeClaimTemplate !== undefined)
    return claimDriver(`${metadata.name}-${volume.name}`, metadata.namespace, reader);
  if (volume.persistentVolumeClaim !== undefined) return claimDriver(volume.persistentVolumeClaim.claimName, metadata.namespace, reader);
  return volume.csi === undefined ? translated(volume) : { name: volume.csi.driver };
}

function claimDriver(name: string, namespace: string, reader: CacheReader): Driver | undefined {
  const claim = reader.get(persistentvolumeclaims, name, namespace);
  if (claim === undefined) return { error: `persistentvolumeclaim ${goQuote(name)} not found` };
  const volumeName = claim.spec.volumeName ?? '';
  const volume = reader.get(persistentvolumes, volumeName);
  if (volume === undefined) return { error: `persistentvolume ${goQuote(volumeName)} not found` };
  return volume.spec.csi === undefined ? translated(volume.spec) : { name: volume.spec.csi.driver };
}
