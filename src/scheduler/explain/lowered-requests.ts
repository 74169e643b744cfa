// pure
// A pod that asks for no more than a node has free, each resource taken from the containers that ask for most.
import type { Container, Pod } from '#api/types.ts';
import { quantityMilliValue, quantityValue } from '#apimachinery/quantity.ts';
import { amountOf } from '../state/pod-info.ts';
import { isScalarResource } from '../state/resource-table.ts';
import { awaited } from './awaited.ts';
import type { Change, Obstacle } from './changes.ts';

export interface Shortage {
  readonly name: string;
  /** In the unit of the columns: millicores for cpu, else whole units. */
  readonly wanted: number;
  readonly free: number;
  /** The node has none of it at all, and it is a thing that pods can do without. */
  readonly isForeign: boolean;
}

/** What the node in `slot` has too little of, beside the pods that room is kept for. */
export function shortagesOf({ pod, slot, cluster }: Pick<Obstacle, 'pod' | 'slot' | 'cluster'>): readonly Shortage[] {
  const others = awaited({ pod, slot, cluster });
  return pod.requests.ids.flatMap((id, i): readonly Shortage[] => {
    const wanted = pod.requests.values[i] as number;
    const capacity = cluster.allocatable(id)[slot] as number;
    const kept = others.reduce((sum, other) => sum + amountOf(other.requests, id), 0);
    const free = capacity - (cluster.requested(id)[slot] as number) - kept;
    const name = cluster.resources.name(id);
    return wanted > free ? [{ name, wanted, free, isForeign: capacity === 0 && isScalarResource(name) }] : [];
  });
}

/** How much of a request would have to be given up, of the one that is given up most: from 0 to 1. */
export function shareOf(shortages: readonly Shortage[]): number {
  return shortages.reduce((most, { wanted, free }) => Math.max(most, (wanted - Math.max(free, 0)) / wanted), 0);
}

/** One change for all resources that are short together; none when a resource is used up, or pods are what is short. */
export function loweredRequests(obstacle: Obstacle): readonly Change[] {
  const shortages = shortagesOf(obstacle);
  if (shortages.length === 0 || shortages.some(({ free, isForeign }) => free <= 0 && !isForeign)) return [];
  const lowered = shortages.map((shortage) => ({ ...shortage, to: rounded(shortage) }));
  const { pod } = obstacle.pod;
  const changed = lowered.reduce((changing, { name, wanted, to }) => withRequest(changing, name, wanted - amountIn(name, to), to), pod);
  const less = lowered
    .filter(({ isForeign }) => !isForeign)
    .map(({ name, wanted, to }) => `the request for ${name} from ${textOf(name, wanted)} to ${to}`);
  const none = lowered.filter(({ isForeign }) => isForeign).map(({ name }) => name);
  const said = [
    ...(less.length === 0 ? [] : [`lower ${less.join(' and ')}`]),
    ...(none.length === 0 ? [] : [`ask for no ${none.join(' and no ')}, which the node has not`]),
  ];
  return [{ kind: 'request', text: said.join(', and '), pod: changed, share: shareOf(shortages) }];
}

const isCpu = (name: string): boolean => name === 'cpu';
const MI = 2 ** 20;
const GI = 2 ** 30;

function textOf(name: string, amount: number): string {
  if (isCpu(name)) return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`;
  if (amount >= GI && amount % GI === 0) return `${amount / GI}Gi`;
  return amount >= MI && amount % MI === 0 ? `${amount / MI}Mi` : String(amount);
}

/** As a person would write it, and no more than is free. */
const rounded = ({ name, free }: Shortage): string =>
  textOf(name, isCpu(name) || free < MI ? Math.floor(free) : Math.floor(free / MI) * MI);

const amountIn = (name: string, text: string | undefined): number => (isCpu(name) ? quantityMilliValue(text) : quantityValue(text));

function withRequest(pod: Pod, name: string, less: number, to: string): Pod {
  const { spec } = pod;
  if (spec.resources?.requests?.[name] !== undefined) {
    return { ...pod, spec: { ...spec, resources: { ...spec.resources, requests: { ...spec.resources.requests, [name]: to } } } };
  }
  const requestOf = ({ resources }: Container): number => amountIn(name, resources?.requests?.[name]);
  let rest = less;
  const containers = [...spec.containers];
  for (const index of containers
    .map((_, i) => i)
    .toSorted((a, b) => requestOf(containers[b] as Container) - requestOf(containers[a] as Container))) {
    const container = containers[index] as Container;
    const taken = Math.min(rest, requestOf(container));
    rest -= taken;
    if (taken > 0) containers[index] = asking(container, name, textOf(name, requestOf(container) - taken));
  }
  const most = amountIn(name, to);
  const initContainers = spec.initContainers?.map((container) => (requestOf(container) > most ? asking(container, name, to) : container));
  return { ...pod, spec: { ...spec, containers, ...(initContainers === undefined ? {} : { initContainers }) } };
}

function asking(container: Container, name: string, amount: string): Container {
  return { ...container, resources: { ...container.resources, requests: { ...container.resources?.requests, [name]: amount } } };
}
