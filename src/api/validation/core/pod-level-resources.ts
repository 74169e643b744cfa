// Resources of the pod as a whole, against those of its containers. Source: validatePodResources.
import { ownValue } from '../../json-object.ts';
import type { Container, PodSpec } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import type { Quantity } from '#apimachinery/quantity.ts';
import { entries, quantity, type Problems } from '../problems.ts';
import { isRestartableInit } from './containers.ts';
import { validateRequirements } from './requirements.ts';
import { checkPodResourceName, isHugePages } from './resource-names.ts';

export function validatePodResources(out: Problems, at: Path, spec: PodSpec, claimNames: ReadonlySet<string>): void {
  const { resources } = spec;
  if (resources === undefined) return;
  const path = at.child('resources');
  if (spec.os?.name === 'windows') return out.forbidden(path, 'may not be set for a windows pod');
  if (resources.claims !== undefined) out.forbidden(path.child('claims'), 'claims may not be set for Resources at pod-level');
  validateRequirements(out, path, resources, { checkName: checkPodResourceName, claimNames });
  for (const [name, needed] of aggregate(spec, 'requests')) {
    const given = ownValue(resources.requests, name);
    if (given === undefined || needed.cmp(quantity(given)) <= 0) continue;
    out.invalid(
      path.child('requests').key(name),
      quantity(given).toString(),
      `must be greater than or equal to aggregate container requests of ${needed}`,
    );
  }
  for (const [name, needed] of aggregate(spec, 'limits')) {
    const given = ownValue(resources.limits, name);
    if (!isHugePages(name) || given === undefined || needed.cmp(quantity(given)) <= 0) continue;
    out.invalid(
      path.child('limits').key(name),
      quantity(given).toString(),
      `must be greater than or equal to aggregate container limits of ${needed}`,
    );
  }
  spec.containers.forEach((container, i) => {
    for (const [name, text] of entries(container.resources?.limits)) {
      const limit = ownValue(resources.limits, name);
      if (limit === undefined || quantity(text).cmp(quantity(limit)) <= 0) continue;
      const detail = `must be less than or equal to pod limits of ${quantity(limit)}`;
      out.invalid(path.child('containers').index(i).key(name).child('limits'), quantity(text).toString(), detail);
    }
  });
}

type Amounts = Map<string, Quantity>;

/** Restartable init containers add to all that comes after them. Source: AggregateContainerRequests. */
function aggregate(spec: PodSpec, kind: 'requests' | 'limits'): Amounts {
  const amounts = (container: Container): Amounts =>
    new Map(entries(container.resources?.[kind]).map(([name, text]) => [name, quantity(text)]));
  const total: Amounts = new Map();
  for (const container of spec.containers) add(total, amounts(container));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = amounts(container);
    if (isRestartableInit(container)) {
      add(total, own);
      add(sidecars, own);
      raise(peak, sidecars);
    } else {
      const during: Amounts = new Map(own);
      add(during, sidecars);
      raise(peak, during);
    }
  }
  raise(total, peak);
  return total;
}

function add(total: Amounts, more: Amounts): void {
  for (const [name, amount] of more) total.set(name, total.get(name)?.add(amount) ?? amount);
}

function raise(total: Amounts, floor: Amounts): void {
  for (const [name, amount] of floor) {
    const current = total.get(name);
    if (current === undefined || amount.cmp(current) > 0) total.set(name, amount);
  }
}
