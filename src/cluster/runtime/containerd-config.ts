// pure
// The configuration of Proa's own containerd. Keys are containerd's version 2 file, understood by 1.6 to 1.7.

export interface ContainerdConfig {
  readonly root: string;
  readonly state: string;
  readonly socket: string;
  readonly cniBinDirs: readonly string[];
  readonly cniConfDir: string;
  readonly snapshotter: 'overlayfs' | 'native';
  /** Image reference of the sandbox container. */
  readonly pauseImage: string;
  /**
   * Set where this process may not lower oom_score_adj (no CAP_SYS_RESOURCE): runc would fail every sandbox with
   * "can't get final child's PID" otherwise.
   */
  readonly restrictOOMScoreAdj: boolean;
}

export function containerdToml(config: ContainerdConfig): string {
  const text = JSON.stringify; // TOML's basic strings and JSON's agree on everything a path or a reference holds
  return `version = 2
root = ${text(config.root)}
state = ${text(config.state)}
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = ${text(config.socket)}

[ttrpc]
  address = ${text(`${config.socket}.ttrpc`)}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${text(config.pauseImage)}
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  restrict_oom_score_adj = ${config.restrictOOMScoreAdj}
  disable_apparmor = false
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${text(config.cniBinDirs[0] ?? '/opt/cni/bin')}
    conf_dir = ${text(config.cniConfDir)}
    max_conf_num = 1

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = ${text(config.snapshotter)}
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
`;
}
