// Ports of a pod's containers that get in each other's way. Source: pkg/api/pod warnings.go.
import type { ContainerPort, PodSpec } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { visitContainers } from '../core/pod-containers.ts';
import type { Warnings } from './collector.ts';

interface Placed {
  readonly at: Path;
  readonly port: Required<ContainerPort>;
}

function portsOf(spec: PodSpec, at: Path): readonly Placed[] {
  const out: Placed[] = [];
  visitContainers(spec, at, (container, path) => {
    container.ports?.forEach((port, i) => {
      const { name = '', hostPort = 0, hostIP = '', protocol, containerPort } = port;
      out.push({ at: path.child('ports').index(i), port: { name, hostPort, hostIP, protocol, containerPort } });
    });
  });
  return out;
}

function clash(a: ContainerPort, b: ContainerPort): string | undefined {
  if (a.hostIP === b.hostIP && a.hostPort === b.hostPort) return 'duplicate port definition';
  if (a.hostPort === 0 || b.hostPort === 0) return 'overlapping port definition';
  return a.hostPort === b.hostPort && (a.hostIP === '') !== (b.hostIP === '') ? 'dangerously ambiguous port definition' : undefined;
}

export function warnOfPorts(out: Warnings, spec: PodSpec, at: Path): void {
  const ports = portsOf(spec, at);
  const byNumber = new Map<string, Placed[]>();
  for (const placed of ports) {
    const { name, hostPort, containerPort, protocol, hostIP } = placed.port;
    if (hostIP !== '' && hostPort === 0) {
      const shown = `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
      out.at(placed.at, `hostIP set without hostPort: ${shown}`);
    }
    const key = `${containerPort}/${protocol}`;
    const others = byNumber.get(key) ?? [];
    for (const other of others) {
      const what = clash(placed.port, other.port);
      if (what !== undefined) out.at(placed.at, `${what} with ${other.at}`);
    }
    byNumber.set(key, [...others, placed]);
  }
  warnOfNames(out, ports);
}

function warnOfNames(out: Warnings, ports: readonly Placed[]): void {
  const named = new Map<string, Path>();
  for (const { at, port } of ports) {
    if (port.name === '') continue;
    const other = named.get(port.name);
    if (other === undefined) named.set(port.name, at);
    else {
      const detail = `duplicate port name ${goQuote(port.name)} with ${other}, services and probes that select ports by name will use ${other}`;
      out.at(at, detail);
    }
  }
}
