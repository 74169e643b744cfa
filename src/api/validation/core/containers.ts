// Containers of a pod: normal, init and ephemeral ones. Source: validateContainers, validateInitContainers,
// validateEphemeralContainers.
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  ContainerRestartRule,
  EphemeralContainer,
  PodSpec,
  Volume,
} from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { dns1123Label, portName, portNumber } from '#apimachinery/names.ts';
import { blank, type Problems } from '../problems.ts';
import { validateDevices, validateMounts } from './container-mounts.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateLifecycle, validateProbes } from './probes.ts';
import { validateRequirements } from './requirements.ts';
import { checkContainerResourceName } from './resource-names.ts';
import { validateSecurityContext } from './security-context.ts';
import { validatePullPolicy } from './volumes.ts';

export const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** What a container's rules look at beside the container. */
export interface PodContext {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  /** Names in `resourceClaims`. */
  readonly claimNames: ReadonlySet<string>;
  /** The pod runs in the host's user namespace. */
  readonly hostUsers: boolean;
}

function validatePorts(out: Problems, at: Path, ports: readonly ContainerPort[]): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const path = at.index(i);
    if (!blank(port.name)) {
      const reasons = portName(port.name);
      out.each(path.child('name'), port.name, reasons);
      if (reasons.length === 0 && names.has(port.name)) out.duplicate(path.child('name'), port.name);
      if (reasons.length === 0) names.add(port.name);
    }
    if ((port.containerPort ?? 0) === 0) out.required(path.child('containerPort'));
    else out.each(path.child('containerPort'), port.containerPort, portNumber(port.containerPort));
    if (port.hostPort !== undefined && port.hostPort !== 0) out.each(path.child('hostPort'), port.hostPort, portNumber(port.hostPort));
    out.requiredOneOf(path.child('protocol'), port.protocol, PROTOCOLS);
  });
}

const RESIZABLE = ['cpu', 'memory'];
const RESIZE_POLICIES = ['NotRequired', 'RestartContainer'];

function validateResizePolicies(out: Problems, at: Path, policies: readonly ContainerResizePolicy[], podRestartPolicy: string): void {
  const seen = new Set<string>();
  policies.forEach(({ resourceName, restartPolicy }, i) => {
    if (seen.has(resourceName)) out.duplicate(at.index(i), resourceName);
    seen.add(resourceName);
    out.requiredOneOf(at, resourceName, RESIZABLE);
    out.requiredOneOf(at, restartPolicy, RESIZE_POLICIES);
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      out.invalid(at, restartPolicy ?? '', "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
  });
}

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const RULE_ACTIONS = ['Restart', 'RestartAllContainers'];
const RULES_NEED_POLICY = 'must specify restartPolicy when restart rules are used';
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;

/** Source: validateContainerRestartPolicy. */
function validateRestart(out: Problems, at: Path, policy: string | undefined, rules: readonly ContainerRestartRule[]): void {
  if (policy === undefined) {
    if (rules.length === 0) return;
    out.required(at.child('restartPolicy'), RULES_NEED_POLICY);
  } else out.oneOf(at.child('restartPolicy'), policy, RESTART_POLICIES);
  if (rules.length > MAX_RULES) out.tooMany(at.child('restartPolicyRules'), rules.length, MAX_RULES);
  rules.forEach((rule, i) => {
    const path = at.child('restartPolicyRules').index(i);
    out.oneOf(path.child('action'), rule.action, RULE_ACTIONS);
    if (rule.exitCodes === undefined) return out.required(path.child('exitCodes'), 'must be specified');
    out.oneOf(path.child('exitCodes', 'operator'), rule.exitCodes.operator, ['In', 'NotIn']);
    const codes = rule.exitCodes.values?.length ?? 0;
    if (codes > MAX_EXIT_CODES) out.tooMany(path.child('exitCodes', 'values'), codes, MAX_EXIT_CODES);
  });
}

type Common = Container | EphemeralContainer;

/** Source: validateContainerCommon. */
function validateCommon(out: Problems, at: Path, container: Common, pod: PodContext): void {
  if (blank(container.name)) out.required(at.child('name'));
  else out.each(at.child('name'), container.name, dns1123Label(container.name));
  if (blank(container.image)) out.required(at.child('image'));
  out.requiredOneOf(at.child('terminationMessagePolicy'), container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']);
  validatePorts(out, at.child('ports'), container.ports ?? []);
  validateEnv(out, at.child('env'), container.env ?? []);
  validateEnvFrom(out, at.child('envFrom'), container.envFrom ?? []);
  validateMounts(out, at.child('volumeMounts'), container, pod.volumes);
  validateDevices(out, at.child('volumeDevices'), container, pod.volumes);
  validatePullPolicy(out, at.child('imagePullPolicy'), container.imagePullPolicy);
  validateRequirements(out, at.child('resources'), container.resources, {
    checkName: checkContainerResourceName,
    claimNames: pod.claimNames,
  });
  validateResizePolicies(out, at.child('resizePolicy'), container.resizePolicy ?? [], pod.spec.restartPolicy);
  validateSecurityContext(out, at.child('securityContext'), container.securityContext, pod.hostUsers);
}

/** Ports of the host that two containers ask for. Source: checkHostPortConflicts. */
function validateHostPorts(out: Problems, at: Path, containers: readonly Container[]): void {
  const taken = new Set<string>();
  containers.forEach((container, i) =>
    container.ports?.forEach((port, j) => {
      if (port.hostPort === undefined || port.hostPort === 0) return;
      const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) out.duplicate(at.index(i).child('ports').index(j).child('hostPort'), key);
      taken.add(key);
    }),
  );
}

export function validateContainers(out: Problems, at: Path, pod: PodContext): void {
  const { containers, terminationGracePeriodSeconds: grace, os } = pod.spec;
  if (containers.length === 0) return out.required(at);
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const path = at.index(i);
    validateCommon(out, path, container, pod);
    if (names.has(container.name)) out.duplicate(path.child('name'), container.name);
    names.add(container.name);
    if (container.lifecycle !== undefined) validateLifecycle(out, path.child('lifecycle'), container.lifecycle, grace, os);
    validateProbes(out, path, container, grace);
    validateRestart(out, path, container.restartPolicy, container.restartPolicyRules ?? []);
  });
  validateHostPorts(out, at, containers);
}

export const isRestartableInit = (container: Container): boolean => container.restartPolicy === 'Always';

export function validateInitContainers(out: Problems, at: Path, pod: PodContext): void {
  const { containers, initContainers = [], terminationGracePeriodSeconds: grace, os } = pod.spec;
  const names = new Set(containers.map((c) => c.name));
  initContainers.forEach((container, i) => {
    const path = at.index(i);
    validateCommon(out, path, container, pod);
    const rules = container.restartPolicyRules ?? [];
    if (container.restartPolicy !== undefined) validateRestart(out, path, container.restartPolicy, rules);
    else if (rules.length > 0) out.required(path.child('restartPolicy'), RULES_NEED_POLICY);
    if (names.has(container.name)) out.duplicate(path.child('name'), container.name);
    else if (!blank(container.name)) names.add(container.name);
    validateHostPorts(out, at, [container]);
    if (isRestartableInit(container)) {
      if (container.lifecycle !== undefined) validateLifecycle(out, path.child('lifecycle'), container.lifecycle, grace, os);
      validateProbes(out, path, container, grace);
      return;
    }
    for (const member of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[member] !== undefined)
        out.forbidden(path.child(member), 'may not be set for init containers without restartPolicy=Always');
    }
    container.resizePolicy?.forEach((policy, j) => {
      if (policy.restartPolicy !== 'RestartContainer') return;
      const policyAt = path.child('resizePolicy').index(j).child('restartPolicy');
      out.invalid(policyAt, policy.restartPolicy, "must not be set to 'RestartContainer' for non-sidecar initContainers");
    });
  });
}

/** Members an ephemeral container must not have. Source: allowedEphemeralContainerFields. */
const NOT_EPHEMERAL = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

/** All of them but one are pointers and lists in Go, which are set where they are there, even if empty. */
const isSet = (member: (typeof NOT_EPHEMERAL)[number], value: object | string | undefined): boolean =>
  value !== undefined && (member !== 'resources' || Object.keys(value).length > 0);

export function validateEphemeralContainers(out: Problems, at: Path, pod: PodContext): void {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const others = new Set([...containers, ...initContainers].map((c) => c.name));
  const names = new Set(others);
  ephemeralContainers.forEach((container, i) => {
    const path = at.index(i);
    validateCommon(out, path, container, pod);
    validateImageSpace(out, path, container);
    if (names.has(container.name)) out.duplicate(path.child('name'), container.name);
    names.add(container.name);
    const target = container.targetContainerName;
    if (!blank(target) && !others.has(target)) out.notFound(path.child('targetContainerName'), target);
    for (const member of NOT_EPHEMERAL)
      if (isSet(member, container[member])) out.forbidden(path.child(member), 'cannot be set for an Ephemeral Container');
    container.volumeMounts?.forEach((mount, j) => {
      for (const member of ['subPath', 'subPathExpr'] as const) {
        if (!blank(mount[member]))
          out.forbidden(path.child('volumeMounts').index(j).child(member), 'cannot be set for an Ephemeral Container');
      }
    });
  });
}

/** Source: validateContainerOnlyForPod. */
export function validateImageSpace(out: Problems, at: Path, { image }: Pick<Common, 'image'>): void {
  if (image !== undefined && image.trim() !== image) out.invalid(at.child('image'), image, 'must not have leading or trailing whitespace');
}
