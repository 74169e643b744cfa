// pure
// What would help a container whose program, port or user is not there, as its evidence says.
import { nearestName } from '#scheduler/explain/similar.ts';
import type { Container, Pod } from '#api/types.ts';
import type { Cause } from './contract.ts';

type Read = (text: string, name: string, container: Container) => readonly string[];

/** None for a pod that has no such container. */
export function containerRemedies({ container: name, evidence }: Cause, pod: Pod | undefined): readonly string[] {
  const container = [...(pod?.spec.initContainers ?? []), ...(pod?.spec.containers ?? [])].find((one) => one.name === name);
  if (container === undefined) return [];
  for (const { text } of evidence) {
    for (const read of [program, namedPort, refusedPort, user]) {
      const remedies = read(text, container.name, container);
      if (remedies.length > 0) return remedies;
    }
  }
  return [];
}

/** Source: runc's words for what execve does not find. */
const NO_PROGRAM = /exec: "([^"]+)": (?:stat \S+: no such file or directory|executable file not found in \$PATH)/;

const program: Read = (text, name) => {
  const path = NO_PROGRAM.exec(text)?.[1];
  return path === undefined ? [] : [`name a program that the image of container ${name} has: ${path} is not there`];
};

/** Source: pkg/probe util.go ResolveContainerPort. */
const NO_PORT = /^(\w+) probe errored [^]*couldn't find port: "([^"]+)"/;

const namedPort: Read = (text, name, { ports = [] }) => {
  const [, probe = '', port = ''] = NO_PORT.exec(text) ?? [];
  if (port === '') return [];
  const names = ports.flatMap((each) => each.name ?? []);
  const meant = nearestName(port, names) ?? (names.length === 1 ? names[0] : undefined);
  const other = meant === undefined ? '' : `, or ask port ${meant} in its ${probe.toLowerCase()} probe, which is there`;
  return [`name a port of container ${name} ${port}${other}`];
};

const REFUSED = /^(\w+) probe failed: [^]*:(\d+): connect: connection refused/;

/** Only where one port is declared: a container listens wherever it likes, so that nothing follows from several. */
const refusedPort: Read = (text, name, { ports = [] }) => {
  const [, probe = '', port = ''] = REFUSED.exec(text) ?? [];
  const [declared, ...more] = ports.map(({ containerPort }) => String(containerPort));
  if (port === '' || declared === undefined || more.length > 0 || declared === port) return [];
  return [`ask port ${declared} in the ${probe.toLowerCase()} probe of container ${name}: it is the one that is declared, ${port} is not`];
};

/** Source: kuberuntime security_context.go verifyRunAsNonRoot. */
const user: Read = (text, name) =>
  text.includes('container has runAsNonRoot and image will run as root')
    ? [`set runAsUser of container ${name} to a user other than 0, or take an image that names one`]
    : [];
