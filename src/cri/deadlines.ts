// pure
// How long each call may take. Source: cri-client remote_runtime.go and remote_image.go.

/** Source: kubelet configuration default runtimeRequestTimeout. Milliseconds. */
export const DEFAULT_TIMEOUT_MS = 120_000;

const SECOND_MS = 1000;

/**
 * Milliseconds a call may take when its caller says nothing, Infinity for no limit. `request` is the call's message:
 * some carry a timeout of their own, in seconds.
 */
export function deadlineOf(method: string, request: { readonly timeout?: unknown }, defaultMs: number = DEFAULT_TIMEOUT_MS): number {
  const ownMs = typeof request.timeout === 'number' && request.timeout > 0 ? request.timeout * SECOND_MS : 0;
  switch (method) {
    case 'RunPodSandbox':
      return defaultMs * 2;
    case 'StopContainer':
      return defaultMs + ownMs; // time to kill and clean up after the grace period
    case 'ExecSync':
      return ownMs === 0 ? Infinity : defaultMs + ownMs;
    case 'CheckpointContainer':
      return Math.max(defaultMs, ownMs);
    case 'PullImage':
    case 'GetContainerEvents':
      return Infinity;
    default:
      return defaultMs;
  }
}
