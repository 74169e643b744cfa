// pure
// Container rules that restart a whole pod in place.
import { matchingRestartRule } from '#api/pods.ts';
import type { Container, PodSpec } from '#api/types.ts';

/** Whether an exit of this container restarts the whole pod in place. Source: ContainerRestartRuleActionRestartAllContainers. */
export function restartsAllAfter(container: Container, exitCode: number): boolean {
  return container.restartPolicy !== undefined && matchingRestartRule(container, exitCode)?.action === 'RestartAllContainers';
}

/** Source: podutil.AllContainersCouldRestart. */
export function couldRestartAll(spec: PodSpec): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some((container) =>
    container.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'),
  );
}
