// pure
// The variables that tell a container where services are.
import { hasClusterIp } from '#api/services.ts';
import type { Service } from '#api/types.ts';
import { joinHostPort } from '#apimachinery/ip.ts';

/** `FOO_BAR` for `foo-bar`. */
const variableName = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/**
 * Services a pod of `namespace` is told about: those of its namespace when it wants links, and always
 * `default/kubernetes`. Source: getServiceEnvVarMap.
 */
export function serviceVariables(services: Iterable<Service>, namespace: string, links: boolean): ReadonlyMap<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    if (!hasClusterIp(service)) continue;
    const { name } = service.metadata;
    if (service.metadata.namespace === 'default' && name === 'kubernetes') {
      if (!chosen.has(name)) chosen.set(name, service);
    } else if (service.metadata.namespace === namespace && links) chosen.set(name, service);
  }
  const out = new Map<string, string>();
  for (const name of [...chosen.keys()].toSorted()) addService(out, chosen.get(name) as Service);
  return out;
}

/** Source: envvars.FromServices, makeLinkVariables. */
function addService(out: Map<string, string>, { metadata, spec }: Service): void {
  const prefix = variableName(metadata.name);
  const host = spec.clusterIP as string;
  const ports = spec.ports ?? [];
  const first = ports[0];
  if (first === undefined) return;
  out.set(`${prefix}_SERVICE_HOST`, host);
  out.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const { name, port } of ports)
    if (name !== undefined && name !== '') out.set(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port));
  for (const [index, { port, protocol }] of ports.entries()) {
    const url = `${protocol.toLowerCase()}://${joinHostPort(host, port)}`;
    if (index === 0) out.set(`${prefix}_PORT`, url);
    const of = `${prefix}_PORT_${port}_${protocol}`;
    out.set(of, url);
    out.set(`${of}_PROTO`, protocol.toLowerCase());
    out.set(`${of}_PORT`, String(port));
    out.set(`${of}_ADDR`, host);
  }
}
