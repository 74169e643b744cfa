// pure
// What a pod calls itself: host name, domain, and the /etc/hosts file that says so.
import type { HostAlias, Pod } from '#api/types.ts';

/** The pod cannot have the name it asks for; the message is upstream's. */
export class HostnameError extends Error {
  override readonly name = 'HostnameError';
}

/** Longest host name that is used. Source: truncatePodHostnameIfNeeded. */
const MAX_HOSTNAME = 63;
/** Longest name the kernel keeps. Source: GetNodenameForKernel. */
const MAX_KERNEL_HOSTNAME = 64;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

export interface PodHostname {
  readonly hostname: string;
  /** `subdomain.namespace.svc.cluster.local`; empty for none. */
  readonly domain: string;
  /** What the kernel is told: the host name, or all of it when the pod asks. */
  readonly kernel: string;
}

/** @throws HostnameError; Source: GeneratePodHostNameAndDomain, GetNodenameForKernel */
export function podHostname({ metadata, spec }: Pod, clusterDomain: string): PodHostname {
  if (spec.hostnameOverride !== undefined) {
    const hostname = truncate(metadata.name, spec.hostnameOverride);
    return { hostname, domain: '', kernel: hostname };
  }
  if (spec.hostname !== undefined && spec.hostname !== '') checkLabel('Hostname', spec.hostname);
  if (spec.subdomain !== undefined && spec.subdomain !== '') checkLabel('Subdomain', spec.subdomain);
  const hostname = truncate(metadata.name, spec.hostname === undefined || spec.hostname === '' ? metadata.name : spec.hostname);
  const domain =
    spec.subdomain === undefined || spec.subdomain === '' ? '' : `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}`;
  if (domain === '' || spec.setHostnameAsFQDN !== true) return { hostname, domain, kernel: hostname };
  const fqdn = `${hostname}.${domain}`;
  if (fqdn.length > MAX_KERNEL_HOSTNAME) {
    throw new HostnameError(
      `failed to construct FQDN from Pod hostname and cluster domain, FQDN ${fqdn} is too long (${MAX_KERNEL_HOSTNAME} characters is the max, ${fqdn.length} characters requested)`,
    );
  }
  return { hostname, domain, kernel: fqdn };
}

function checkLabel(field: string, value: string): void {
  if (value.length > MAX_HOSTNAME)
    throw new HostnameError(`pod ${field} "${value}" is not a valid DNS label: must be no more than 63 characters`);
  if (!DNS_LABEL.test(value)) throw new HostnameError(`pod ${field} "${value}" is not a valid DNS label: ${LABEL_RULE}`);
}

function truncate(podName: string, hostname: string): string {
  if (hostname.length <= MAX_HOSTNAME) return hostname;
  const cut = hostname.slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '');
  if (cut === '') throw new HostnameError(`hostname for pod "${podName}" was invalid: "${hostname}"`);
  return cut;
}

/** Source: managedHostsFileContent. */
export function managedHosts(podIPs: readonly string[], { hostname, domain }: PodHostname, aliases: readonly HostAlias[]): string {
  const names = domain === '' ? hostname : `${hostname}.${domain}\t${hostname}`;
  return [
    '# Kubernetes-managed hosts file.\n',
    '127.0.0.1\tlocalhost\n',
    '::1\tlocalhost ip6-localhost ip6-loopback\n',
    'fe00::0\tip6-localnet\n',
    'fe00::0\tip6-mcastprefix\n',
    'fe00::1\tip6-allnodes\n',
    'fe00::2\tip6-allrouters\n',
    ...podIPs.map((ip) => `${ip}\t${names}\n`),
    aliasLines(aliases),
  ].join('');
}

/** The node's own hosts file with the pod's aliases. Source: nodeHostsFileContent. */
export function hostNetworkHosts(nodeHosts: string, aliases: readonly HostAlias[]): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliasLines(aliases)}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  return `\n# Entries added by HostAliases.\n${aliases.map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}\n`).join('')}`;
}
