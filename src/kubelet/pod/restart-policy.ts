// pure
// Whether a container that ended is started again: container rules first, then its policy, then the pod's.
import type { Container, ContainerRestartRule, PodSpec } from '#api/types.ts';

/** The first rule that matches `exitCode`. Source: podutil.findMatchingContainerRestartRule. */
export function matchingRestartRule(container: Container, exitCode: number): ContainerRestartRule | undefined {
  return container.restartPolicyRules?.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    if (exitCodes?.operator === 'In') return listed;
    return exitCodes?.operator === 'NotIn' && !listed;
  });
}

/** Source: podutil.ContainerShouldRestart. */
export function shouldRestartAfter(container: Container, spec: PodSpec, exitCode: number): boolean {
  if (container.restartPolicy !== undefined && matchingRestartRule(container, exitCode)?.action === 'Restart') return true;
  switch (container.restartPolicy ?? spec.restartPolicy) {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
}

/** Whether any exit could lead to a restart. Source: podutil.IsContainerRestartable. */
export function isRestartable(container: Container, spec: PodSpec): boolean {
  if (container.restartPolicy === undefined) return spec.restartPolicy !== 'Never';
  return container.restartPolicy !== 'Never' || (container.restartPolicyRules?.some((rule) => rule.action === 'Restart') ?? false);
}

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
