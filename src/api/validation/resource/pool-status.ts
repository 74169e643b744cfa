// ResourcePoolStatusRequests. Source: resource validation_resourcepoolstatusrequest.go; k8s.io/api/resource/v1alpha3 types.go (+k8s tags).
import type { PoolStatus, ResourcePoolStatusRequest } from '../../gen/resource-v1alpha3.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1123Subdomain, SUBDOMAIN_MAX_LENGTH } from '#apimachinery/names.ts';
import { validateConditions } from '../conditions.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
/** Source: ResourcePoolStatusRequestLimitMax. */
const MAX_LIMIT = 1000;
const MAX_POOLS = 1000;
const MAX_CONDITIONS = 10;
const MAX_ERROR_BYTES = 256;

export function validatePoolStatusRequest(out: Problems, { metadata, spec }: ResourcePoolStatusRequest): void {
  validateObjectMeta(out, metadata, 'cluster', subdomainName);
  validateDriver(out, SPEC.child('driver'), spec.driver);
  if (spec.poolName !== undefined) validatePool(out, SPEC.child('poolName'), spec.poolName);
  const at = SPEC.child('limit');
  if (spec.limit < 1) out.invalid(at, spec.limit, 'must be greater than or equal to 1');
  if (spec.limit > MAX_LIMIT) out.invalid(at, spec.limit, `must be less than or equal to ${MAX_LIMIT}`);
}

export function validatePoolStatusRequestUpdate(out: Problems, request: ResourcePoolStatusRequest, old: ResourcePoolStatusRequest): void {
  validateObjectMetaUpdate(out, request.metadata, old.metadata);
  out.immutable(SPEC, null, semanticEqual(request.spec, old.spec));
}

/** Once there is a status, the request is complete. */
export function validatePoolStatusRequestStatus(out: Problems, request: ResourcePoolStatusRequest, old: ResourcePoolStatusRequest): void {
  validateObjectMetaUpdate(out, request.metadata, old.metadata);
  const { status } = request;
  if (old.status !== undefined) return out.immutable(STATUS, status, semanticEqual(status, old.status));
  if (status === undefined) return;
  const { poolCount, pools = [], conditions = [] } = status as Partial<typeof status>;
  validateConditions(out, STATUS.child('conditions'), conditions);
  if (poolCount === undefined) out.required(STATUS.child('poolCount'));
  else atLeast(out, STATUS.child('poolCount'), poolCount, 0);
  const at = STATUS.child('pools');
  if (pools.length > MAX_POOLS) out.tooMany(at, pools.length, MAX_POOLS);
  else pools.forEach((pool, i) => validatePoolStatus(out, at.index(i), pool));
  if (conditions.length > MAX_CONDITIONS) out.tooMany(STATUS.child('conditions'), conditions.length, MAX_CONDITIONS);
}

function validatePoolStatus(out: Problems, at: Path, pool: PoolStatus): void {
  validateDriver(out, at.child('driver'), pool.driver);
  if (blank(pool.poolName)) out.required(at.child('poolName'));
  else validatePool(out, at.child('poolName'), pool.poolName);
  const { generation } = pool as Partial<PoolStatus>;
  if (generation === undefined || Number(generation) === 0) out.required(at.child('generation'));
  else atLeast(out, at.child('generation'), generation, 0);
  atLeast(out, at.child('resourceSliceCount'), pool.resourceSliceCount, 1);
  for (const key of ['totalDevices', 'allocatedDevices', 'availableDevices', 'unavailableDevices'] as const)
    atLeast(out, at.child(key), pool[key], 0);
  const { nodeName, validationError } = pool;
  if (nodeName !== undefined) out.each(at.child('nodeName'), nodeName, dns1123Subdomain(nodeName));
  if (validationError !== undefined && byteLength(validationError) > MAX_ERROR_BYTES)
    out.tooLong(at.child('validationError'), MAX_ERROR_BYTES);
}

/** Source: validate.Minimum. */
function atLeast(out: Problems, at: Path, value: number | bigint | undefined, min: number): void {
  if (value !== undefined && value < min) out.invalid(at, value, `must be greater than or equal to ${min}`);
}

/** In upper case too. Source: validate.LongNameCaseless, validateDriverName. */
function validateDriver(out: Problems, at: Path, driver: string | undefined): void {
  if (blank(driver)) return out.required(at);
  out.each(at, driver, dns1123Subdomain(driver.toLowerCase()));
}

/** Source: validate.ResourcePoolName. */
function validatePool(out: Problems, at: Path, name: string): void {
  if (byteLength(name) > SUBDOMAIN_MAX_LENGTH) out.tooLong(at, SUBDOMAIN_MAX_LENGTH);
  name.split('/').forEach((part, i) => {
    if (part === '') out.invalid(at, name, `segment ${i}: must not be empty`);
    else for (const why of dns1123Subdomain(part)) out.invalid(at, part, `segment ${i}: ${why}`);
  });
}
