import { networkInterfaces } from 'node:os';
import type { Logger } from '#base/log.ts';

/** Of this machine, on interfaces that are up; undefined where it cannot tell now, without a descriptor left for instance. */
export function localAddresses(logger: Logger): readonly string[] | undefined {
  try {
    return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  } catch (error) {
    logger.error("this machine's addresses cannot be read; health check node ports stay where they are", { error });
    return undefined;
  }
}
