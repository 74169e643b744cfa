// Keeps an APIService for every group version this server serves itself. Source: kube-aggregator autoregister, crdregistration.
import { isConditionTrue } from '#api/conditions.ts';
import { apiservices, customresourcedefinitions } from '#api/resources.ts';
import type { GroupInfo, Schema } from '#api/schema.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { runWorkers } from '#client/workqueue/workers.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { HealthCheck } from '../routes/health.ts';
import { planRegistration, wantedServices, type Wanted } from './registration-plan.ts';

export interface RegistrationDeps {
  readonly client: Client;
  readonly reader: CacheReader;
  readonly schema: Schema;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const WORKERS = 5;

/** Groups this server serves by itself. */
const builtInGroups = (schema: Schema): readonly GroupInfo[] =>
  schema.groups().filter(({ name }) => [...schema.resources()].some(({ group, origin }) => group === name && origin === 'builtin'));

/** Passes once every APIService of this server itself was seen available. Source: makeAPIServiceAvailableHealthCheck. */
export function registrationCheck({ reader, schema }: Pick<RegistrationDeps, 'reader' | 'schema'>): HealthCheck {
  const pending = new Set(wantedServices(builtInGroups(schema), []).keys());
  return {
    name: 'autoregister-completion',
    check() {
      for (const name of pending) if (isConditionTrue(reader.get(apiservices, name)?.status.conditions, 'Available')) pending.delete(name);
      return pending.size === 0 ? undefined : `missing APIService: ${[...pending].toSorted().join(' ')}`;
    },
  };
}

/** Runs until the signal aborts. */
export async function runRegistration(deps: RegistrationDeps): Promise<void> {
  const { client, reader, schema, clock, logger, signal } = deps;
  const builtIn = builtInGroups(schema);
  const presentAtStart = new Set([...reader.list(apiservices)].map(({ metadata }) => metadata.name));
  const settled = new Set<string>();
  const queue = new WorkQueue<string>({ clock });
  let desired: ReadonlyMap<string, Wanted> = new Map();
  const look = (): void => {
    const before = desired;
    desired = wantedServices(builtIn, reader.list(customresourcedefinitions));
    for (const name of new Set([...before.keys(), ...desired.keys()])) queue.add(name);
  };
  look();
  for (const name of presentAtStart) queue.add(name);
  const removers = [
    reader.onChange(customresourcedefinitions, ({ object, previous }) => {
      if (object?.spec !== previous?.spec) look();
    }),
    reader.onChange(apiservices, ({ object, previous }) => queue.add((object ?? previous)?.metadata.name as string)),
  ];

  const reconcile = async (name: string): Promise<void> => {
    const current = reader.get(apiservices, name);
    const step = planRegistration({
      desired: desired.get(name),
      current,
      settled: settled.has(name),
      presentAtStart: presentAtStart.has(name),
    });
    try {
      if (step.kind === 'create') await client.create(apiservices, step.object as never);
      else if (step.kind === 'update') await client.update(apiservices, { ...current, spec: step.spec } as never);
      else if (step.kind === 'delete')
        await client.delete(apiservices, { name }, { preconditions: { uid: current?.metadata.uid as string } });
    } catch (error) {
      // Somebody else was faster; the change comes back as an event.
      if (!(['AlreadyExists', 'NotFound', 'Conflict'] as const).some((reason) => isStatusError(error, reason))) throw error;
    }
    settled.add(name);
  };
  await runWorkers(queue, { workers: WORKERS, reconcile, clock, logger, signal });
  for (const remove of removers) remove();
}
