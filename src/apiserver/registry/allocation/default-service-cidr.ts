// The ServiceCIDR that stands for the range the server was started with. Source: pkg/controlplane/controller/defaultservicecidr.
import { servicecidrs } from '#api/resources.ts';
import type { ServiceCIDR } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';

/** Source: DefaultServiceCIDRName. */
const NAME = 'kubernetes';

/** Safe to repeat. One that is there with other ranges stays, and is told of. @throws StatusError, ConnectionError */
export async function ensureDefaultServiceCidr(
  client: Client,
  cidrs: readonly string[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  const range = await widened(client, await found(client, cidrs), cidrs);
  if (range.metadata.deletionTimestamp !== undefined) return;
  if (!deepEqual(range.spec.cidrs, cidrs)) {
    logger.warn('the default ServiceCIDR does not match the ranges the server was started with', { object: range.spec.cidrs, cidrs });
    return;
  }
  if (range.status.conditions?.some(({ type }) => type === 'Ready') === true) return;
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: formatTime(clock.now()),
  };
  const body = { status: { conditions: [ready] } };
  await client.patch(servicecidrs, { name: NAME }, { type: 'strategic', body }, { subresource: 'status' });
}

/** From one family to two, its own first; another change is nobody's to make. @throws StatusError */
async function widened(client: Client, range: ServiceCIDR, cidrs: readonly string[]): Promise<ServiceCIDR> {
  const { cidrs: before = [] } = range.spec;
  if (cidrs.length !== 2 || before.length !== 1 || before[0] !== cidrs[0]) return range;
  return client.update(servicecidrs, { ...range, spec: { ...range.spec, cidrs } });
}

async function found(client: Client, cidrs: readonly string[]): Promise<ServiceCIDR> {
  try {
    return await client.get(servicecidrs, { name: NAME });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  try {
    return await client.create(servicecidrs, { metadata: { name: NAME }, spec: { cidrs } });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    return client.get(servicecidrs, { name: NAME });
  }
}
