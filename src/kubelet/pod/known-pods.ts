/** Pods of which something is known now, whoever knows it: nothing of theirs is an orphan's. Ask when it matters, not before. */
export interface KnownPods {
  has(uid: string): boolean;
}
