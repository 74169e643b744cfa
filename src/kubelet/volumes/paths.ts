// Where a kubelet keeps things below its root directory. Source: kubelet_getters.go.
import { join } from 'node:path';

export class KubeletPaths {
  readonly root: string;
  readonly podLogs: string;
  readonly containerLogs: string;

  /** `root`: `/var/lib/kubelet` upstream; `podLogs`: `/var/log/pods`; `containerLogs`: `/var/log/containers`. */
  constructor(root: string, podLogs: string, containerLogs: string) {
    this.root = root;
    this.podLogs = podLogs;
    this.containerLogs = containerLogs;
  }

  pods(): string {
    return join(this.root, 'pods');
  }

  pod(uid: string): string {
    return join(this.pods(), uid);
  }

  volumes(uid: string): string {
    return join(this.pod(uid), 'volumes');
  }

  /** Volumes of one kind. */
  volumesOf(uid: string, plugin: string): string {
    return join(this.volumes(uid), plugin.replaceAll('/', '~'));
  }

  /** `kubernetes.io/empty-dir` is written `kubernetes.io~empty-dir`. */
  volume(uid: string, plugin: string, name: string): string {
    return join(this.volumesOf(uid, plugin), name);
  }

  /** What a plugin notes about a volume, beside its contents. Source: GetPodPluginDir. */
  pluginNotes(uid: string, plugin: string, name: string): string {
    return join(this.pod(uid), 'plugins', plugin.replaceAll('/', '~'), name);
  }

  /** Of raw block volumes. */
  devices(uid: string): string {
    return join(this.pod(uid), 'volumeDevices');
  }

  /** Raw block volumes of one kind. */
  devicesOf(uid: string, plugin: string): string {
    return join(this.devices(uid), plugin.replaceAll('/', '~'));
  }

  subpaths(uid: string): string {
    return join(this.pod(uid), 'volume-subpaths');
  }

  container(uid: string, name: string): string {
    return join(this.pod(uid), 'containers', name);
  }

  etcHosts(uid: string): string {
    return join(this.pod(uid), 'etc-hosts');
  }

  /** What plugins keep on the node: mounts that several pods share. */
  plugins(): string {
    return join(this.root, 'plugins');
  }

  /** Where plugins put the sockets they register with. */
  pluginsRegistry(): string {
    return join(this.root, 'plugins_registry');
  }

  /** Where device plugins register. */
  devicePlugins(): string {
    return join(this.root, 'device-plugins');
  }

  /** Where the podresources API is served. */
  podResources(): string {
    return join(this.root, 'pod-resources');
  }

  /** Where checkpoints of containers lie. */
  checkpoints(): string {
    return join(this.root, 'checkpoints');
  }

  seccomp(): string {
    return join(this.root, 'seccomp');
  }

  /** `/var/log/pods/<namespace>_<name>_<uid>`. Source: BuildPodLogsDirectory. */
  podLogDirectory(pod: { readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string } }): string {
    const { namespace, name, uid } = pod.metadata;
    return join(this.podLogs, `${namespace}_${name}_${uid}`);
  }
}
