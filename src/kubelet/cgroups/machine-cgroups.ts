// The cgroups of this machine, made as the runtime makes those of its containers.
import { readFile } from 'node:fs/promises';
import { type Clock, wait } from '#base/clock.ts';
import { killProcess } from '#base/kill-process.ts';
import type { Logger } from '#base/log.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { MachineFacts } from '../node/machine.ts';
import { nodeAllocatable } from '../node/status.ts';
import { formatBytes, milliOf, valueOf } from '../pod/amounts.ts';
import type { ResourceManagers } from '../topology/resource-managers.ts';
import { connectBus } from '../systemd/dbus.ts';
import { Slices } from '../systemd/slices.ts';
import { cgroupfsDriver, systemdDriver } from './cgroup-driver.ts';
import { noCgroups, QosCgroupManager, type CgroupManager } from './cgroup-manager.ts';
import { CgroupHierarchy, detectLayout } from './hierarchy.ts';

export interface MachineCgroupsDeps {
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: KubeletMetrics;
  readonly resources: Pick<ResourceManagers, 'hasExclusiveCpus'>;
}

/** `cgroupDriver` of `config` is the one in use, as `runtimesDriver` gives it. @throws CgroupError when there are no cgroups */
export async function machineCgroups(config: KubeletConfig, machine: MachineFacts, deps: MachineCgroupsDeps): Promise<CgroupManager> {
  if (!config.cgroupsPerQOS) return noCgroups;
  const { cri, clock } = deps;
  const hierarchy = new CgroupHierarchy(detectLayout(await readFile('/proc/self/mountinfo', 'utf8')));
  const slices = (): Slices => new Slices({ connect: () => connectBus(clock), clock, version: hierarchy.layout.version });
  const total = nodeAllocatable({ cpu: String(machine.cpus), memory: formatBytes(machine.memory) }, { ...config, evictionHard: {} });
  const enforced = config.enforceNodeAllocatable.includes('pods');
  return new QosCgroupManager({
    ...deps,
    hierarchy,
    driver: config.cgroupDriver === 'systemd' ? systemdDriver(slices(), await runtimeName(cri)) : cgroupfsDriver,
    settings: {
      cgroupRoot: config.cgroupRoot,
      cpuCFSQuota: config.cpuCFSQuota,
      podPidsLimit: config.podPidsLimit,
      hasExclusiveCpus: (pod) => deps.resources.hasExclusiveCpus(pod),
      allocatable: enforced ? { cpu: milliOf(total['cpu']), memory: valueOf(total['memory']) } : undefined,
    },
    kill: killProcess,
  });
}

async function runtimeName(cri: CriClient): Promise<string> {
  try {
    return (await cri.runtime.version({})).runtimeName;
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    return 'containerd';
  }
}

/** Attempts to learn the driver from a runtime that may only be starting, and the pause between them, milliseconds. */
const TRIES = 3;
const PAUSE_MS = 2000;
/** The first release that will not run over a runtime that does not tell. Source: kubelet app server.go at v1.36. */
const LAST_WITHOUT = '1.37.0';

/** The driver that the runtime uses, or `configured` where it does not say. Source: getCgroupDriverFromCRI. */
export async function runtimesDriver(
  configured: string,
  { cri, clock, logger, metrics }: Omit<MachineCgroupsDeps, 'resources'>,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { linux } = await cri.runtime.runtimeConfig({});
      if (linux?.cgroupDriver === 'SYSTEMD') return 'systemd';
      if (linux?.cgroupDriver === 'CGROUPFS') return 'cgroupfs';
      logger.warn('the runtime names no cgroup driver that is known', { driver: linux?.cgroupDriver ?? '', used: configured });
      return configured;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      if (error.code === 'Unimplemented') metrics.criLosingSupport.of(LAST_WITHOUT).set(1);
      else if (attempt < TRIES) {
        await wait(clock, PAUSE_MS);
        continue;
      } else logger.warn('the runtime does not tell its cgroup driver', { error, used: configured });
      return configured;
    }
  }
}
