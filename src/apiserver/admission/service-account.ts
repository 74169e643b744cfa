// Every pod runs as a service account, whose token and pull secrets it gets.
// Source: plugin/pkg/admission/serviceaccount admission.go.
import { serviceaccounts } from '#api/resources.ts';
import type { Container, Pod, ServiceAccount, Volume } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { notFound } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { PROJECTED_TOKEN_SECONDS } from '../authentication/service-account/token-request.ts';
import { secretNames } from '../authorization/node/pod-references.ts';
import type { CacheReader } from '../cache/reader.ts';
import { appearance } from './appearance.ts';
import type { AdmissionAttributes, MutatingPlugin, ValidatingPlugin } from './contract.ts';
import { refusal } from './refusal.ts';
import { unmountableEphemeral, unmountableSecret } from './mountable-secrets.ts';

export interface ServiceAccountOptions {
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly ids: Ids;
}

const DEFAULT_ACCOUNT = 'default';
const TOKEN_VOLUME = 'kube-api-access-';
const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The controller makes the default account of a new namespace; a pod may be faster. Upstream tries ten times, 100 to 200 ms apart. */
const DEFAULT_ACCOUNT_WAIT_MS = 1_500;

export function serviceAccountAdmission(options: ServiceAccountOptions): MutatingPlugin & ValidatingPlugin {
  const { ids } = options;
  const accounts = new Accounts(options);
  return {
    name: 'ServiceAccount',
    operations: ['CREATE', 'UPDATE'],
    async admit(attributes) {
      if (!isPod(attributes) || attributes.operation !== 'CREATE') return undefined;
      const pod = attributes.object as Pod;
      if (isMirror(pod)) {
        checkMirror(attributes, pod);
        return undefined;
      }
      const name = pod.spec.serviceAccountName || DEFAULT_ACCOUNT;
      const account = await accounts.find(attributes, name);
      return withAccount(pod, account, ids);
    },
    async validate(attributes) {
      if (!isPod(attributes)) return;
      const pod = attributes.object as Pod;
      const ephemeral = attributes.operation === 'UPDATE' && attributes.subresource === 'ephemeralcontainers';
      if (!ephemeral && attributes.operation !== 'CREATE') return;
      if (!ephemeral && isMirror(pod)) return checkMirror(attributes, pod);
      const name = pod.spec.serviceAccountName ?? '';
      if (name === '') throw refusal(attributes, `no service account specified for pod ${attributes.namespace}/${pod.metadata.name}`);
      const account = await accounts.find(attributes, name);
      if (!enforcesMountable(account)) return;
      const problem = ephemeral ? unmountableEphemeral(pod, account) : unmountableSecret(pod, account);
      if (problem !== undefined) throw refusal(attributes, problem);
    },
  };
}

function isPod({ resource, subresource, object }: AdmissionAttributes): boolean {
  return (
    resource.resource === 'pods' &&
    resource.group === '' &&
    (subresource === '' || subresource === 'ephemeralcontainers') &&
    object?.kind === 'Pod'
  );
}

const isMirror = ({ metadata }: Pod): boolean => metadata.annotations?.[ANNOTATION.mirrorPod] !== undefined;

/** The kubelet reports these pods; they exist without the server. @throws StatusError Forbidden */
function checkMirror(attributes: AdmissionAttributes, pod: Pod): void {
  if (pod.spec.serviceAccountName) throw refusal(attributes, 'a mirror pod may not reference service accounts');
  if (secretNames(pod).size > 0) throw refusal(attributes, 'a mirror pod may not reference secrets');
  const projected = (pod.spec.volumes ?? []).flatMap(({ projected: volume }) => volume?.sources ?? []);
  if (projected.some(({ serviceAccountToken }) => serviceAccountToken !== undefined)) {
    throw refusal(attributes, 'a mirror pod may not use ServiceAccountToken volume projections');
  }
}

class Accounts {
  readonly #options: ServiceAccountOptions;

  constructor(options: ServiceAccountOptions) {
    this.#options = options;
  }

  /** @throws StatusError Forbidden */
  async find(attributes: AdmissionAttributes, name: string): Promise<ServiceAccount> {
    const { reader, clock } = this.#options;
    const { namespace, request } = attributes;
    const known = reader.get(serviceaccounts, name, namespace);
    if (known !== undefined) return known;
    await reader.caughtUp();
    const waitMs = name === DEFAULT_ACCOUNT ? DEFAULT_ACCOUNT_WAIT_MS : 0;
    const found = await appearance({ reader, resource: serviceaccounts, name, namespace, clock, waitMs, signal: request.signal });
    if (found !== undefined) return found;
    const missing = notFound({ group: '', resource: 'serviceaccount' }, name);
    throw refusal(attributes, `error looking up service account ${namespace}/${name}: ${missing.message}`);
  }
}

/** `1`, `t`, `TRUE`, … Source: strconv.ParseBool. */
const TRUE = /^(?:1|t|T|TRUE|true|True)$/;
const enforcesMountable = ({ metadata }: ServiceAccount): boolean =>
  TRUE.test(metadata.annotations?.['kubernetes.io/enforce-mountable-secrets'] ?? '');

/** The pod with its account, the account's token where a container wants one, and the account's pull secrets. */
function withAccount(pod: Pod, account: ServiceAccount, ids: Pick<Ids, 'suffix'>): Pod {
  const { name } = account.metadata;
  const pullSecrets = pod.spec.imagePullSecrets?.length
    ? pod.spec.imagePullSecrets
    : (account.imagePullSecrets ?? []).map((secret) => ({ name: secret.name }));
  const spec = {
    ...pod.spec,
    serviceAccountName: name,
    serviceAccount: name,
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets }),
  };
  const mount = pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  return { ...pod, spec: mount ? withToken(spec, ids) : spec };
}

function withToken(spec: Pod['spec'], ids: Pick<Ids, 'suffix'>): Pod['spec'] {
  const wants = (container: Container): boolean => !(container.volumeMounts ?? []).some(({ mountPath }) => mountPath === TOKEN_PATH);
  const wanted = [...(spec.initContainers ?? []), ...spec.containers].some(wants);
  if (!wanted) return spec;
  const volumes = spec.volumes ?? [];
  const existing = volumes.find((volume) => volume.name.startsWith(TOKEN_VOLUME));
  const volumeName = existing?.name ?? `${TOKEN_VOLUME}${ids.suffix(5)}`;
  const mounted = (container: Container): Container =>
    wants(container)
      ? { ...container, volumeMounts: [...(container.volumeMounts ?? []), { name: volumeName, readOnly: true, mountPath: TOKEN_PATH }] }
      : container;
  return {
    ...spec,
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(mounted) }),
    containers: spec.containers.map(mounted),
    ...(existing === undefined ? { volumes: [...volumes, tokenVolume(volumeName)] } : {}),
  };
}

/** Token, CA bundle and namespace, as clients in pods look for them. Source: TokenVolumeSource. */
function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: PROJECTED_TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}
