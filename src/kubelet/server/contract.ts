// What the server needs of the kubelet: pods, containers, logs, figures. `KubeletView` is one.
import type { KubeletView } from '../view.ts';

export { LogUnavailable, type LogTarget } from '../view.ts';

export type KubeletHost = Pick<
  KubeletView,
  | 'nodeName'
  | 'pods'
  | 'pod'
  | 'runningContainer'
  | 'readySandbox'
  | 'hasTty'
  | 'logTarget'
  | 'summary'
  | 'cadvisor'
  | 'machine'
  | 'cri'
  | 'troubledForMs'
  | 'configuration'
  | 'probeCounts'
  | 'probeDurations'
  | 'logDirectory'
  | 'checkpoints'
  | 'figures'
>;

/** Who asks. Source: user.Info. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A question about this node. Source: GetRequestAttributes. */
export interface NodeAttributes {
  /** Empty for a method without one. */
  readonly verb: string;
  readonly subresource: string;
}

export interface Access {
  /** Undefined when the token is of nobody. @throws Error when it cannot be told */
  authenticateToken(token: string): Promise<User | undefined>;
  /** @throws Error when it cannot be told */
  allows(user: User, attributes: NodeAttributes): Promise<boolean>;
}
