// What services take of a quota: themselves, node ports and load balancers. Source: pkg/quota/v1/evaluator/core services.go.
import type { ResourceList } from '../resource-lists.ts';
import type { Service } from '../types.ts';
import { countName, type Evaluator } from './evaluator.ts';

const COUNT = countName('', 'services');
const NODE_PORTS = 'services.nodeports';
const LOAD_BALANCERS = 'services.loadbalancers';
const NAMES: ReadonlySet<string> = new Set([COUNT, 'services', NODE_PORTS, LOAD_BALANCERS]);

export const serviceEvaluator: Evaluator = {
  handles: ({ operation, subresource }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  matching: (names) => names.filter((name) => NAMES.has(name)),
  matchesScope: () => false,
  usage: (object) => usage(object as Service),
};

/** Ports that will be given are counted by what is asked for. */
function usage({ spec }: Service): ResourceList {
  const ports = spec.ports ?? [];
  const explicit = spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === false;
  const nodePorts =
    spec.type === 'NodePort' || spec.type === 'LoadBalancer' ? (explicit ? ports.filter(({ nodePort = 0 }) => nodePort !== 0) : ports) : [];
  return {
    [COUNT]: '1',
    services: '1',
    [LOAD_BALANCERS]: spec.type === 'LoadBalancer' ? '1' : '0',
    [NODE_PORTS]: String(nodePorts.length),
  };
}
