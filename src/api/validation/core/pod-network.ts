// Host names, DNS and host network of a pod. Source: validatePodDNSConfig, ValidateHostAliases, validatePodHostName,
// validatePodHostNetworkDeps, validateHostUsers.
import type { HostAlias, PodDNSConfig, PodSpec } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { ipErrors } from '#apimachinery/ip.ts';
import { dns1123Subdomain, dns1123SubdomainWithUnderscore } from '#apimachinery/names.ts';
import { blank, type Problems } from '../problems.ts';
import { visitContainers } from './pod-containers.ts';
import type { PodRules } from './pod-rules.ts';

const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

export function validateDnsConfig(out: Problems, at: Path, config: PodDNSConfig | undefined, policy: string): void {
  if (policy === 'None') {
    if (config === undefined) return out.required(at, 'must provide `dnsConfig` when `dnsPolicy` is None');
    if ((config.nameservers ?? []).length === 0) {
      return out.required(at.child('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None');
    }
  }
  if (config === undefined) return;
  const { nameservers = [], searches = [], options = [] } = config;
  if (nameservers.length > MAX_NAMESERVERS)
    out.invalid(at.child('nameservers'), nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`);
  nameservers.forEach((server, i) => out.add(ipErrors(at.child('nameservers').index(i), server)));
  if (searches.length > MAX_SEARCHES) out.invalid(at.child('searches'), searches, `must not have more than ${MAX_SEARCHES} search paths`);
  if (byteLength(searches.join(' ')) > MAX_SEARCH_CHARS) {
    out.invalid(
      at.child('searches'),
      searches,
      `must not have more than ${MAX_SEARCH_CHARS} characters (including spaces) in the search list`,
    );
  }
  searches.forEach((search, i) => {
    const name = search.endsWith('.') ? search.slice(0, -1) : search;
    if (search !== '.') out.each(at.child('searches').index(i), name, dns1123SubdomainWithUnderscore(name));
  });
  options.forEach((option, i) => {
    if (blank(option.name)) out.required(at.child('options').index(i), 'must not be empty');
  });
}

export function validateHostAliases(out: Problems, at: Path, aliases: readonly HostAlias[]): void {
  aliases.forEach((alias, i) => {
    out.add(ipErrors(at.index(i).child('ip'), alias.ip ?? ''));
    alias.hostnames?.forEach((name, j) => out.each(at.index(i).child('hostnames').index(j), name, dns1123Subdomain(name)));
  });
}

const MAX_HOST_NAME = 64;

export function validateHostnameOverride(out: Problems, at: Path, spec: PodSpec): void {
  const name = spec.hostnameOverride;
  if (name === undefined) return;
  const path = at.child('hostnameOverride');
  if (spec.setHostnameAsFQDN === true) out.forbidden(path, 'may not be specified when setHostnameAsFQDN is true');
  if (spec.hostNetwork === true) out.forbidden(path, 'may not be specified when hostNetwork is true');
  if (byteLength(name) > MAX_HOST_NAME) out.tooLong(path, MAX_HOST_NAME);
  out.each(path, name, dns1123Subdomain(name));
}

export function validateHostNetworkPorts(out: Problems, at: Path, spec: PodSpec, rules: PodRules): void {
  if (spec.hostNetwork !== true) return;
  spec.containers.forEach((container, i) =>
    container.ports?.forEach((port, j) => {
      const hostPort = port.hostPort ?? 0;
      if ((rules.owner === 'pod' || hostPort !== 0) && hostPort !== port.containerPort) {
        const path = at.child('containers').index(i).child('ports').index(j).child('hostPort');
        out.invalid(path, hostPort, 'must match `containerPort` when `hostNetwork` is true');
      }
    }),
  );
}

export function validateHostUsers(out: Problems, at: Path, spec: PodSpec): void {
  if (spec.hostUsers !== false) return;
  const detail = 'when `hostUsers` is false';
  if (spec.hostNetwork === true) out.forbidden(at.child('hostNetwork'), detail);
  if (spec.hostPID === true) out.forbidden(at.child('HostPID'), detail);
  if (spec.hostIPC === true) out.forbidden(at.child('HostIPC'), detail);
  visitContainers(spec, at, (container, path) => {
    if ((container.volumeDevices ?? []).length > 0) out.forbidden(path.child('volumeDevices'), detail);
  });
}
