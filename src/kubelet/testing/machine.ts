// The machine that tests' kubelets run on.
import type { MachineFacts } from '../node/machine.ts';

export const MACHINE: MachineFacts = {
  hostname: 'node',
  machineID: 'machine',
  systemUUID: 'system',
  bootID: 'boot',
  kernelVersion: '6.1.0',
  osImage: 'Test OS',
  operatingSystem: 'linux',
  architecture: 'amd64',
  cpus: 4,
  memory: 8 * 2 ** 30,
  swap: 0,
  hugePages: {},
  appArmor: false,
  cgroups: { version: 2, swap: true },
  topology: {
    cpus: [0, 1, 2, 3].map((cpu) => ({ cpu, core: cpu, socket: 0, numaNode: 0, uncoreCache: 0 })),
    nodes: [{ id: 0, memory: 8 * 2 ** 30, hugePages: {}, distances: [10] }],
  },
  addresses: ['192.0.2.10'],
};
