// For tests of CSI volumes: a kubelet, drivers, and the objects of both.
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { csidrivers, nodes, persistentvolumeclaims, persistentvolumes, pods } from '#api/resources.ts';
import type { Pod, Volume } from '#api/types.ts';
import { container, pod } from '../../testing/pods.ts';
import { startWorld, type World } from '../../testing/world.ts';
import { type FakeCsiDriver, type FakeCsiOptions, startCsiDriver } from './driver.ts';

export const DRIVER = 'disk.vendor.test';

export interface Site extends World {
  driver(options?: Partial<FakeCsiOptions>): Promise<FakeCsiDriver>;
  object(spec: object): void;
  /** A volume of the driver, and the claim that has it. */
  disk(name: string, csi?: object, spec?: object): void;
}

export async function site(t: TestContext): Promise<Site> {
  const world = await startWorld(t);
  await world.until(() => world.server.stored(nodes).length > 0); // a driver is told of in its node's objects
  return Object.assign(world, {
    driver: (options: Partial<FakeCsiOptions> = {}) =>
      startCsiDriver(t, { registry: join(world.folder, 'root', 'plugins_registry'), folder: world.folder, ...options }),
    object: (spec: object) =>
      void world.server.seed(csidrivers, {
        metadata: { name: DRIVER },
        spec: { attachRequired: false, volumeLifecycleModes: ['Persistent'], fsGroupPolicy: 'ReadWriteOnceWithFSType', ...spec },
      } as never),
    disk(name: string, csi: object = {}, spec: object = {}) {
      world.server.seed(persistentvolumes, {
        metadata: { name: `pv-${name}` },
        spec: {
          csi: { driver: DRIVER, volumeHandle: `handle-${name}`, fsType: 'ext4', volumeAttributes: { size: 'big' }, ...csi },
          accessModes: ['ReadWriteOnce'],
          mountOptions: ['noatime'],
          claimRef: { uid: `uid-${name}` },
          ...spec,
        },
      } as never);
      world.server.seed(persistentvolumeclaims, {
        metadata: { name, namespace: 'default', uid: `uid-${name}` },
        spec: { volumeName: `pv-${name}` },
        status: { phase: 'Bound' },
      } as never);
    },
  });
}

/** @param as `devices` of the container, or `mounts` */
export function mounting(name: string, volumes: readonly object[], as: 'mounts' | 'devices' = 'mounts'): Pod {
  const names = (volumes as readonly Volume[]).map((each) => each.name);
  const uses =
    as === 'mounts'
      ? { volumeMounts: names.map((each) => ({ name: each, mountPath: `/${each}` })) }
      : { volumeDevices: names.map((each) => ({ name: each, devicePath: `/${each}` })) };
  const spec = { restartPolicy: 'Never' as const, volumes: volumes as readonly Volume[], containers: [container('app', uses)] };
  return pod({ name, spec });
}

export const claimed = (claimName: string): object => ({ name: claimName, persistentVolumeClaim: { claimName } });

export const runs = (world: World, name: string): Promise<void> =>
  world.advanceUntil(() => world.pod(name).status.phase === 'Running', 60_000, `${name} runs`);
export async function remove(world: World, name: string): Promise<void> {
  await world.client.delete(pods, { namespace: 'default', name }, { gracePeriodSeconds: 1 });
  await world.advanceUntil(() => !world.server.stored(pods).some(({ metadata }) => metadata.name === name), 200_000, `${name} is gone`);
}

/** As the controller that attaches tells the node. */
export async function attach(world: World, uniqueNames: readonly string[]): Promise<void> {
  const volumesAttached = uniqueNames.map((name) => ({ name, devicePath: '' }));
  await world.client.patch(nodes, { name: 'node' }, { type: 'merge', body: { status: { volumesAttached } } }, { subresource: 'status' });
}
