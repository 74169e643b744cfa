// pure
// Where everything of one machine lives. `dataDir` lasts; `runDir` is gone after a reboot.
import { join } from 'node:path';
import type { Settings } from '../settings/settings.ts';

/** What tells one cluster's state on a machine from another's. */
export type Place = Pick<Settings, 'dataDir' | 'runDir'>;

export interface Paths {
  readonly pki: string;
  readonly store: string;
  /** Which version of Proa wrote dataDir. */
  readonly stateVersion: string;
  /** A UUID that tells this data folder from all others. */
  readonly installation: string;
  /** Settings of the last `proa up`, read again by every process of the cluster. */
  readonly settings: string;
  readonly adminKubeconfig: string;
  readonly log: string;
  readonly containerdRoot: string;
  readonly containerdState: string;
  readonly containerdSocket: string;
  readonly containerdLog: string;
  readonly cniConf: string;
  /** Where else CNI configuration was written, for a runtime that is not ours. */
  readonly cniPlace: string;
  readonly imageCache: string;
  readonly kubelet: string;
  /** Volumes of the class `local-path`, a folder each. */
  readonly volumes: string;
  /** Data and run folders of further nodes on this machine, one each. */
  readonly nodesData: string;
  readonly nodesRun: string;
  /** Pid and identity of a keeper that is a process of its own; present while the cluster should run. */
  readonly keeper: string;
  /** Status of the last run of the cluster process that ended by itself. */
  readonly ended: string;
  /** Progress of the node process: one JSON object, replaced whole. */
  readonly progress: string;
  /** Held, and there, while a command changes the cluster. */
  readonly lock: string;
}

/** What `cniPlace` holds. */
export interface CniPlace {
  readonly folder: string;
}

export function pathsOf({ dataDir, runDir }: Place): Paths {
  const data = (...parts: string[]): string => join(dataDir, ...parts);
  const run = (...parts: string[]): string => join(runDir, ...parts);
  return {
    pki: data('pki'),
    store: data('store'),
    stateVersion: data('version'),
    installation: data('installation'),
    settings: data('settings.json'),
    adminKubeconfig: data('admin.kubeconfig'),
    log: data('log', 'proa.log'),
    containerdRoot: data('containerd'),
    containerdState: run('containerd'),
    containerdSocket: run('containerd', 'containerd.sock'),
    containerdLog: data('log', 'containerd.log'),
    cniConf: data('cni', 'net.d'),
    cniPlace: data('cni', 'place.json'),
    imageCache: data('images'),
    kubelet: data('kubelet'),
    volumes: data('volumes'),
    nodesData: data('nodes'),
    nodesRun: run('nodes'),
    keeper: run('keeper.json'),
    ended: run('ended'),
    progress: run('progress.json'),
    lock: run('lock'),
  };
}
