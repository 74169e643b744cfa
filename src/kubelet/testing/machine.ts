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
  addresses: ['192.0.2.10'],
};
