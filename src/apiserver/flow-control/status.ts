// Says on each FlowSchema whether the priority level it names exists. Source: apf_controller.go presyncFlowSchemaStatus.
import type { FlowSchema, FlowSchemaCondition } from '#api/gen/flowcontrol-v1.ts';
import { flowschemas } from '#api/resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';

/** Source: configConsumerAsFieldManager. */
const FIELD_MANAGER = 'api-priority-and-fairness-config-consumer-v1';
const DANGLING = 'Dangling';

/** The condition a schema should have, or undefined when it has it. Pure. */
export function danglingCondition({ spec, status }: FlowSchema, found: boolean, now: number): FlowSchemaCondition | undefined {
  const { name } = spec.priorityLevelConfiguration;
  const subject = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(name)}`;
  const wanted = found
    ? { status: 'False', reason: 'Found', message: `${subject} and it exists` }
    : { status: 'True', reason: 'NotFound', message: `${subject} but there is no such object` };
  const current = status?.conditions?.find(({ type }) => type === DANGLING);
  if (current?.status === wanted.status && current.reason === wanted.reason && current.message === wanted.message) return undefined;
  return { type: DANGLING, ...wanted, lastTransitionTime: formatTime(now) };
}

export class DanglingStatus {
  readonly #deps: { readonly client: () => Client; readonly clock: Clock; readonly logger: Logger };
  #writing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: { readonly client: () => Client; readonly clock: Clock; readonly logger: Logger }) {
    this.#deps = deps;
  }

  /** Writes what differs; a write that fails is made with the next change. */
  settle(schemas: readonly FlowSchema[], exists: (level: string) => boolean): void {
    const now = this.#deps.clock.now();
    const wrong = schemas.flatMap((schema) => {
      const condition = danglingCondition(schema, exists(schema.spec.priorityLevelConfiguration.name), now);
      return condition === undefined ? [] : [{ name: schema.metadata.name, condition }];
    });
    if (wrong.length > 0) this.#writing = this.#writing.then(() => this.#write(wrong));
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#writing;
  }

  async #write(wrong: readonly { readonly name: string; readonly condition: FlowSchemaCondition }[]): Promise<void> {
    const { client, logger } = this.#deps;
    for (const { name, condition } of wrong) {
      if (this.#stopped) return;
      const body = {
        apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
        kind: 'FlowSchema',
        metadata: { name },
        status: { conditions: [condition] },
      };
      try {
        await client().patch(
          flowschemas,
          { name },
          { type: 'apply', body, fieldManager: FIELD_MANAGER, force: true },
          { subresource: 'status' },
        );
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) logger.warn('the status of a FlowSchema was not written', { name, error });
      }
    }
  }
}
