// POST serviceaccounts/NAME/token: a token for an account, perhaps bound to a pod, node or secret.
// Source: pkg/registry/core/serviceaccount/storage token.go TokenREST.Create.
import type { BoundObjectReference, TokenRequest } from '#api/gen/authentication-v1.ts';
import { nodes, pods, secrets, serviceaccounts } from '#api/resources.ts';
import type { Int64, ServiceAccount } from '#api/types.ts';
import { badRequest, conflict, notFound } from '#apimachinery/errors.ts';
import { invalid, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { AuditAnnotations, Warnings } from '../../request.ts';
import type { ObjectClaim } from './claims.ts';
import type { ServiceAccountTokenIssuer, TokenGrant } from './issuer.ts';

const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
/** In the place of a resource, as upstream's conflict messages have it. */
const KIND_AS_RESOURCE = { group: KIND.group, resource: KIND.kind };
/** Source: authentication/validation MinTokenAgeSec. */
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
/** Asked for by the admission plugin's volume, and by nothing else. Source: WarnOnlyBoundTokenExpirationSeconds. */
export const PROJECTED_TOKEN_SECONDS = 60 * 60 + 7;
/** What such a token really lives. Source: ExpirationExtensionSeconds. */
const EXTENDED_SECONDS = 24 * 365 * 60 * 60;
const ISSUED_CREDENTIAL_ANNOTATION = 'authentication.kubernetes.io/issued-credential-id';

export interface TokenRequestDeps {
  readonly issuer: ServiceAccountTokenIssuer;
  /** Audiences of this server: what a request without any gets. */
  readonly audiences: readonly string[];
  readonly reader: Pick<CacheReader, 'get' | 'caughtUp'>;
  readonly clock: Clock;
  /** Longest life a client may ask for, seconds; absent: 2^32. Source: --service-account-max-token-expiration. */
  readonly maxExpirationSeconds?: number;
  /** `extend`: tokens of the admission plugin's volume outlive their term. Source: --service-account-extend-token-expiration. */
  readonly projectedTokens: 'extend' | 'exact';
}

export interface TokenRequestCall {
  readonly namespace: string;
  /** Of the service account. */
  readonly name: string;
  readonly request: TokenRequest;
  readonly warnings: Warnings;
  readonly audit: AuditAnnotations;
  /** Validating admission, given the request with everything filled in. */
  readonly admit?: (request: TokenRequest) => void | Promise<void>;
}

/** @throws StatusError Invalid, NotFound, BadRequest, Conflict */
export async function createToken(call: TokenRequestCall, deps: TokenRequestDeps): Promise<TokenRequest> {
  const { name, namespace, request, warnings } = call;
  checkNames(call);
  await deps.reader.caughtUp();
  const account = deps.reader.get(serviceaccounts, name, namespace);
  if (account === undefined) throw notFound(serviceaccounts, name);
  const { uid } = account.metadata;
  if (request.metadata.uid !== undefined && request.metadata.uid !== '' && request.metadata.uid !== uid) {
    throw conflict(
      KIND_AS_RESOURCE,
      name,
      `the UID in the token request (${request.metadata.uid}) does not match the UID of the service account (${uid})`,
    );
  }
  const now = deps.clock.now();
  const audiences = request.spec.audiences?.length ? request.spec.audiences : deps.audiences;
  const asked = request.spec.expirationSeconds ?? 3_600;
  const complete: TokenRequest = {
    ...request,
    metadata: { ...request.metadata, name, namespace, uid, creationTimestamp: formatTime(now) },
    spec: { ...request.spec, audiences, expirationSeconds: asked },
    status: { token: '', expirationTimestamp: null },
  };
  const errors = validate(asked);
  if (errors.length > 0) throw toStatusError(KIND, '', errors);
  await call.admit?.(complete);

  const bound = bind(request.spec.boundObjectRef ?? undefined, account, deps.reader);
  const seconds = Number(asked);
  const { maxExpirationSeconds = 0 } = deps;
  const shortened = maxExpirationSeconds > 0 && seconds > maxExpirationSeconds;
  if (shortened) warnings.add(`requested expiration of ${seconds} seconds shortened to ${maxExpirationSeconds} seconds`);
  const granted = shortened ? maxExpirationSeconds : seconds;
  const { token, id } = deps.issuer.issue({
    account,
    audiences,
    ...termOf({ seconds: granted, audiences, podBound: bound.pod !== undefined }, deps),
    ...bound,
  });
  call.audit.add(ISSUED_CREDENTIAL_ANNOTATION, `JTI=${id}`);
  return {
    ...complete,
    spec: { ...complete.spec, expirationSeconds: granted },
    status: { token, expirationTimestamp: formatTime(now + granted * 1_000) },
  };
}

/**
 * How long a token really lives. Tokens of the admission plugin's volume are renewed by the kubelet in time, but some
 * clients read them once: those go on, and the audit log says so. Source: TokenREST.Create, extendExpiration.
 */
function termOf(
  asked: { readonly seconds: number; readonly audiences: readonly string[]; readonly podBound: boolean },
  { audiences, projectedTokens }: Pick<TokenRequestDeps, 'audiences' | 'projectedTokens'>,
): Pick<TokenGrant, 'expiresIn' | 'warnAfter'> {
  const own = asked.audiences.every((audience) => audiences.includes(audience));
  const extended = projectedTokens === 'extend' && asked.podBound && own && asked.seconds === PROJECTED_TOKEN_SECONDS;
  return extended ? { expiresIn: EXTENDED_SECONDS, warnAfter: asked.seconds } : { expiresIn: asked.seconds };
}

function checkNames({ name, namespace, request: { metadata } }: TokenRequestCall): void {
  const right = { name, namespace };
  for (const key of ['name', 'namespace'] as const) {
    const given = metadata[key] ?? '';
    if (given === '' || given === right[key]) continue;
    throw toStatusError(KIND, name, [invalid(Path.of('metadata', key), given, `must match the service account ${key} if specified`)]);
  }
}

function validate(seconds: Int64): readonly FieldError[] {
  const at = Path.of('spec', 'expirationSeconds');
  if (seconds < MIN_SECONDS) return [invalid(at, seconds, 'may not specify a duration less than 10 minutes')];
  return seconds > MAX_SECONDS ? [invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds')] : [];
}

interface Binding {
  readonly pod?: ObjectClaim;
  readonly node?: ObjectClaim;
  readonly secret?: ObjectClaim;
}

/** @throws StatusError NotFound, BadRequest, Conflict */
function bind(reference: BoundObjectReference | undefined, account: ServiceAccount, reader: Pick<CacheReader, 'get'>): Binding {
  if (reference === undefined) return {};
  const { name = '', kind = '', apiVersion = '' } = reference;
  const { namespace } = account.metadata;
  const { group, version } = parseApiVersion(apiVersion);
  switch (group === '' ? kind : '') {
    case 'Pod': {
      const pod = reader.get(pods, name, namespace);
      if (pod === undefined) throw notFound(pods, name);
      if (pod.spec.serviceAccountName !== account.metadata.name) {
        throw badRequest(
          `cannot bind token for serviceaccount ${goQuote(account.metadata.name)} to pod running with different serviceaccount name.`,
        );
      }
      checkUid(reference, pod.metadata.uid);
      const nodeName = pod.spec.nodeName ?? '';
      const claim = { name, uid: pod.metadata.uid };
      if (nodeName === '') return { pod: claim };
      const node = reader.get(nodes, nodeName);
      return { pod: claim, node: { name: nodeName, ...(node === undefined ? {} : { uid: node.metadata.uid }) } };
    }
    case 'Node': {
      const node = reader.get(nodes, name);
      if (node === undefined) throw notFound(nodes, name);
      checkUid(reference, node.metadata.uid);
      return { node: { name, uid: node.metadata.uid } };
    }
    case 'Secret': {
      const secret = reader.get(secrets, name, namespace);
      if (secret === undefined) throw notFound(secrets, name);
      checkUid(reference, secret.metadata.uid);
      return { secret: { name, uid: secret.metadata.uid } };
    }
    default:
      throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
  }
}

function checkUid({ name = '', kind = '', uid }: BoundObjectReference, found: string): void {
  if (uid === undefined || uid === '' || uid === found) return;
  throw conflict(
    { group: '', resource: kind },
    name,
    `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
  );
}
