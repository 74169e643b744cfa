// `serviceaccounts/token`: a token for a service account. What a token is, and who signs it, is the issuer's.
// Source: pkg/registry/core/serviceaccount/storage token.go.
import type { KubeObject, Node, Pod, Secret, ServiceAccount } from '#api/types.ts';
import { nodes, pods, secrets } from '#api/resources.ts';
import { badRequest, conflict, notFound } from '#apimachinery/errors.ts';
import { invalid, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { parseApiVersion, type Resource } from '#apimachinery/resource.ts';
import { formatTime } from '#apimachinery/time.ts';
import { get } from '../registry/get.ts';
import type { Registry } from '../registry/write-call.ts';
import type { Answer } from './answer.ts';
import type { Handler } from './dispatch.ts';
import { readPosted } from './named-create.ts';
import { storedOf, type HandlerDeps, type Operation } from './operation.ts';

export interface TokenRequest extends KubeObject {
  readonly spec: {
    readonly audiences: readonly string[] | null;
    readonly expirationSeconds?: number;
    readonly boundObjectRef: { readonly kind?: string; readonly apiVersion?: string; readonly name?: string; readonly uid?: string } | null;
  };
}

/** What a token says. */
export interface TokenSubject {
  readonly serviceAccount: ServiceAccount;
  readonly pod: Pod | undefined;
  readonly secret: Secret | undefined;
  /** Of the pod, or bound itself. */
  readonly node: Node | undefined;
  readonly audiences: readonly string[];
  /** Whole seconds, as granted. */
  readonly expirationSeconds: number;
}

/** Signs tokens. */
export interface TokenIssuer {
  /** Audiences of a token whose request names none. */
  readonly defaultAudiences: readonly string[];
  /** Longest life of a token, seconds; a longer wish is shortened with a warning. Absent: no limit of its own. */
  readonly maxExpirationSeconds?: number;
  issue(subject: TokenSubject): Promise<{ readonly token: string; /** Milliseconds since the epoch. */ readonly expiresAt: number }>;
}

const TOKEN_REQUEST = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' } as const;

/** Seconds. Source: ValidateTokenRequest; one hour is the default of SetDefaults_TokenRequestSpec. */
const MIN_EXPIRATION = 600;
const MAX_EXPIRATION = 2 ** 32;
const DEFAULT_EXPIRATION = 3_600;

export function tokenHandler(issuer: TokenIssuer): Handler {
  return (operation, deps) => createToken(operation, deps, issuer);
}

async function createToken(operation: Operation, deps: HandlerDeps, issuer: TokenIssuer): Promise<Answer> {
  const { registry } = deps;
  const { served, request } = operation;
  const { object: wanted, options } = await readPosted<TokenRequest>(operation, TOKEN_REQUEST, deps);
  const { namespace, name } = request.info;
  const account = await get({ served, stored: storedOf(operation), request, namespace, name, resourceVersion: '' }, registry);
  const named = wanted.spec.audiences ?? [];
  const audiences = named.length === 0 ? issuer.defaultAudiences : named;
  const asked = wanted.spec.expirationSeconds ?? DEFAULT_EXPIRATION;
  const problems = expirationProblems(asked);
  if (problems.length > 0) throw toStatusError(TOKEN_REQUEST, '', problems);
  const bound = boundObjects(wanted, name, namespace, registry);
  const { maxExpirationSeconds: limit } = issuer;
  const granted = limit === undefined ? asked : Math.min(asked, limit);
  if (granted < asked) request.warnings.add(`requested expiration of ${asked} seconds shortened to ${granted} seconds`);

  const subject: TokenSubject = { serviceAccount: account.object as ServiceAccount, ...bound, audiences, expirationSeconds: granted };
  const issued = options.dryRun ? { token: '', expiresAt: registry.clock.now() + granted * 1_000 } : await issuer.issue(subject);
  const status = { token: issued.token, expirationTimestamp: formatTime(issued.expiresAt) };
  const metadata = { name, namespace, creationTimestamp: formatTime(registry.clock.now()) };
  const object = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata, spec: { ...wanted.spec, audiences, expirationSeconds: granted }, status };
  return { kind: 'object', code: 201, object };
}

function expirationProblems(seconds: number): readonly FieldError[] {
  if (seconds < MIN_EXPIRATION) return [invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > MAX_EXPIRATION) return [invalid('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds')];
  return [];
}

type Bound = Pick<TokenSubject, 'pod' | 'secret' | 'node'>;

/** The object the token lives and dies with. @throws StatusError */
function boundObjects({ spec: { boundObjectRef: ref } }: TokenRequest, account: string, namespace: string, registry: Registry): Bound {
  if (ref === null) return { pod: undefined, secret: undefined, node: undefined };
  const { group, version } = parseApiVersion(ref.apiVersion ?? '');
  const { kind = '', name = '' } = ref;
  const found = (group === '' ? find(kind, name, namespace, registry) : undefined) ?? unbindable(group, version, kind);
  if (found.pod !== undefined && found.pod.spec.serviceAccountName !== account) {
    throw badRequest(`cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`);
  }
  const uid = (found.pod ?? found.secret ?? found.node)?.metadata.uid;
  if (ref.uid !== undefined && ref.uid !== '' && ref.uid !== uid) {
    const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group, resource: kind }, name, why);
  }
  return found;
}

function find(kind: string, name: string, namespace: string, { reader }: Registry): Bound | undefined {
  const read = <T>(resource: Resource<T>, within?: string): T => {
    const object = reader.get(resource, name, within);
    if (object === undefined) throw notFound(resource, name);
    return object;
  };
  switch (kind) {
    case 'Pod': {
      const pod = read(pods, namespace);
      const { nodeName = '' } = pod.spec;
      return { pod, secret: undefined, node: nodeName === '' ? undefined : reader.get(nodes, nodeName) };
    }
    case 'Secret':
      return { pod: undefined, secret: read(secrets, namespace), node: undefined };
    case 'Node':
      return { pod: undefined, secret: undefined, node: read(nodes) };
    default:
      return undefined;
  }
}

function unbindable(group: string, version: string, kind: string): never {
  throw badRequest(`cannot bind token to object of type ${group === '' ? '' : group}/${version}, Kind=${kind}`);
}
