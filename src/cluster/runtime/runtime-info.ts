// pure
// What a container runtime that is not ours tells of its configuration, in the verbose form of its status.

export interface CniFolders {
  /** Of configuration lists. */
  readonly confDir: string;
  /** Of plugins, in the order they are searched; undefined when the runtime does not tell. */
  readonly binDirs: readonly string[] | undefined;
}

/** Where runtimes look unless they are told otherwise. Source: CNI conventions; containerd, CRI-O defaults. */
const USUAL_CONF_DIR = '/etc/cni/net.d';

/** Values of containerd's `info`, as far as they concern us. Source: containerd pkg/cri/server/status.go, go-cni ConfigResult. */
interface Told {
  readonly cniconfig?: { readonly PluginDirs?: readonly string[] | null; readonly PluginConfDir?: string };
  readonly config?: {
    readonly cni?: { readonly binDir?: string; readonly binDirs?: readonly string[]; readonly confDir?: string };
    readonly containerd?: {
      readonly defaultRuntimeName?: string;
      readonly runtimes?: Readonly<Record<string, { readonly options?: { readonly SystemdCgroup?: boolean } }>>;
    };
  };
}

/** `info`: of a CRI status, each value JSON by containerd's custom; what is none says nothing. */
export function cniFolders(info: Readonly<Record<string, string>>): CniFolders {
  const { cniconfig, config } = toldBy(info);
  const { binDir, binDirs = binDir === undefined ? undefined : [binDir], confDir } = config?.cni ?? {};
  return {
    // An empty one is told by a runtime that has not loaded any network yet.
    confDir: [cniconfig?.PluginConfDir, confDir].find((folder) => folder !== undefined && folder !== '') ?? USUAL_CONF_DIR,
    binDirs: cniconfig?.PluginDirs ?? binDirs, // Go writes an empty list as null
  };
}

/** Whether systemd makes the cgroups of its containers; false where it does not tell. */
export function usesSystemdCgroups(info: Readonly<Record<string, string>>): boolean {
  const { defaultRuntimeName = '', runtimes = {} } = toldBy(info).config?.containerd ?? {};
  return runtimes[defaultRuntimeName]?.options?.SystemdCgroup === true;
}

const toldBy = (info: Readonly<Record<string, string>>): Told =>
  Object.fromEntries(Object.entries(info).map(([key, text]) => [key, parsed(text)]));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}
