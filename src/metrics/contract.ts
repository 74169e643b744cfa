// What nodes and pods use, as kubelets tell it. Source: kubernetes-sigs/metrics-server pkg/storage.

/** One moment of one container, or of the node. */
export interface Point {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds since the epoch; 0 for a node, which is taken to have run always. */
  readonly startedAt: number;
  /** Core-seconds since the start. */
  readonly cpuSeconds: number;
  /** Working set, bytes. */
  readonly memory: number;
}

/** What one scrape of one kubelet gave. */
export interface Scrape {
  readonly node: Point | undefined;
  /** By `namespace/name`, then by container. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Point>>;
}

/** Use over the time between two points. */
export interface Usage {
  /** The end of that time, milliseconds since the epoch. */
  readonly at: number;
  readonly windowMs: number;
  /** Nanocores. */
  readonly cpu: number;
  /** Bytes at the end. */
  readonly memory: number;
}
