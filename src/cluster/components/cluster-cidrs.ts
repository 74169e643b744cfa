// pure
// The networks of pods and Services as the controller manager's flags say them. Source: kube-controller-manager setNodeCIDRMaskSizes.
import type { ControllerConfig } from '#controllers/runtime/controller.ts';
import { CommandError } from '../commands/command-error.ts';
import { clusterCIDRs } from '../node/deciders.ts';
import { familiesOf, listOf, networks } from '../settings/networks.ts';
import type { Flags } from './flags.ts';

/** @throws CommandError, upstream's texts */
export function clusterCIDRsOf(flags: Pick<Flags, 'text' | 'optional' | 'number'>): ControllerConfig['clusterCIDRs'] {
  const text = flags.text('cluster-cidr');
  const read = networks(text);
  if (!read.ok) throw new CommandError(`--cluster-cidr ${text} ${read.why}`);
  const size = (name: string): number | undefined => (flags.optional(name) === undefined ? undefined : flags.number(name));
  const [both, v4, v6] = [size('node-cidr-mask-size'), size('node-cidr-mask-size-ipv4'), size('node-cidr-mask-size-ipv6')];
  const families = familiesOf(read.value);
  if (families.length > 1 && both !== undefined)
    throw new CommandError('usage of --node-cidr-mask-size is not allowed with dual-stack clusters');
  if (both !== undefined && (v4 ?? v6) !== undefined)
    throw new CommandError(
      'usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if --node-cidr-mask-size is set. For dual-stack clusters please unset it and use IPFamily specific flags',
    );
  if (v4 !== undefined && !families.includes('IPv4'))
    throw new CommandError('usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster');
  if (v6 !== undefined && !families.includes('IPv6'))
    throw new CommandError('usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster');
  const [IPv4, IPv6] = [both ?? v4, both ?? v6];
  return clusterCIDRs(read.value, { ...(IPv4 === undefined ? {} : { IPv4 }), ...(IPv6 === undefined ? {} : { IPv6 }) });
}

/** The networks of Services that are set aside in those of pods. @throws CommandError */
export function serviceCIDRsOf(flags: Pick<Flags, 'optional'>): NonNullable<ControllerConfig['serviceCIDRs']> {
  const text = flags.optional('service-cluster-ip-range') ?? '';
  if (text === '') return [];
  const read = networks(text);
  if (!read.ok) throw new CommandError(`--service-cluster-ip-range ${text} ${read.why}`);
  return listOf(read.value);
}
