// Puts the hints of ./topology.ts on the endpoints of Services that ask for them, and tells their users whether it could.
// Source: k8s.io/endpointslice reconciler.go finalize, topologycache.
import type { EndpointSlice, Node, Service } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { isConditionTrue } from '#api/conditions.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { Informer } from '#client/informer-contract.ts';
import { familyOf, identity, type Target } from './target.ts';
import { isTopologyAware, shareByCpu, type ZoneRatios, zoneRatios } from './topology.ts';

type Family = 'IPv4' | 'IPv6';

const DISABLED = 'TopologyAwareHintsDisabled';
const ENABLED = 'TopologyAwareHintsEnabled';

interface HintsOptions {
  readonly nodes: Informer<Node>;
  readonly events: EventRecorder;
  /** The zones have changed: these Services are to be looked at. */
  readonly wake: (key: string) => void;
}

export class TopologyHints {
  readonly #options: HintsOptions;
  /** By Service that asks for hints, what was said last of each family. */
  readonly #said = new Map<string, Map<Family, string>>();
  #ratios: { readonly value: ZoneRatios } | undefined;

  constructor(options: HintsOptions) {
    this.#options = options;
    const changed = (): void => {
      this.#ratios = undefined;
      for (const key of this.#said.keys()) options.wake(key);
    };
    options.nodes.addHandlers({
      added: changed,
      updated: (node, before) => void (saysOtherwise(node, before) && changed()),
      deleted: changed,
    });
  }

  forget(key: string): void {
    this.#said.delete(key);
  }

  /** The same targets, those that are ready with the zone each is for, where the Service asks for it and it can be done. */
  apply(key: string, service: Service, targets: readonly Target[], existing: readonly EndpointSlice[]): readonly Target[] {
    if (!isTopologyAware(service)) {
      this.#withdraw(key, service);
      return targets;
    }
    this.#ratios ??= { value: zoneRatios(this.#options.nodes.list()) };
    const hinted = new Map(
      existing.flatMap(({ endpoints }) =>
        (endpoints ?? []).flatMap((endpoint) => {
          const zone = endpoint.hints?.forZones?.[0]?.name;
          return zone === undefined ? [] : [[identity(endpoint), zone] as const];
        }),
      ),
    );
    const zones = new Map<Target, string>();
    for (const [family, group] of Map.groupBy(targets, ({ endpoint }) => familyOf(endpoint))) {
      const sharing = shareByCpu(group, this.#ratios.value, hinted);
      if (sharing.kind === 'shared') for (const [target, zone] of sharing.zones) zones.set(target, zone);
      this.#tell(key, service, family, sharing.kind === 'failed' ? sharing.why : '');
    }
    return targets.map((target) => {
      const zone = zones.get(target);
      return zone === undefined ? target : { ...target, endpoint: { ...target.endpoint, hints: { forZones: [{ name: zone }] } } };
    });
  }

  /** What has not changed is not said again. `fault` is empty for hints that are there. */
  #tell(key: string, service: Service, family: Family, fault: string): void {
    const said = this.#said.get(key) ?? new Map<Family, string>();
    this.#said.set(key, said);
    if (said.get(family) === fault) return;
    said.set(family, fault);
    const { events } = this.#options;
    if (fault === '') events.event(service, 'Normal', ENABLED, `Topology Aware Hints has been enabled, addressType: ${family}`);
    else events.event(service, 'Warning', DISABLED, `${fault}, addressType: ${family}`);
  }

  /** The Service asks for hints no longer. */
  #withdraw(key: string, service: Service): void {
    for (const [family, fault] of this.#said.get(key) ?? []) {
      if (fault !== '') continue;
      this.#options.events.event(service, 'Warning', DISABLED, `Topology Aware Hints has been disabled, addressType: ${family}`);
    }
    this.#said.delete(key);
  }
}

function saysOtherwise(a: Node, b: Node): boolean {
  const of = ({ metadata, status }: Node) => [
    isConditionTrue(status.conditions, 'Ready'),
    metadata.labels?.[LABEL.zone],
    status.allocatable?.['cpu'],
  ];
  const [is, was] = [of(a), of(b)];
  return is.some((value, i) => value !== was[i]);
}
