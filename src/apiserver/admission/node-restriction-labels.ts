// Labels of its node a kubelet may set: none that would draw other pods to it.
// Source: noderestriction getForbiddenLabels; kubelet pkg/apis well_known_labels.go.
import { LABEL } from '#api/well-known.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { AdmissionAttributes } from './contract.ts';
import { refusal } from './refusal.ts';

type Labels = Readonly<Record<string, string>>;

const KUBELET_LABELS: ReadonlySet<string> = new Set([
  LABEL.hostname,
  LABEL.zone,
  LABEL.region,
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  LABEL.instanceType,
  LABEL.os,
  LABEL.arch,
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);
const KUBELET_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESTRICTED_NAMESPACE = 'node-restriction.kubernetes.io';

/** @param old undefined when the node registers @throws StatusError Forbidden */
export function checkNodeLabels(node: string, attributes: AdmissionAttributes, labels: Labels = {}, old: Labels | undefined): void {
  const before = old ?? {};
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(before)])].filter((key) => labels[key] !== before[key]);
  const bad = changed.filter(isForbidden).toSorted();
  if (bad.length === 0) return;
  const list = bad.join(', ');
  throw refusal(
    attributes,
    old === undefined
      ? `node ${goQuote(node)} is not allowed to set the following labels: ${list}`
      : `is not allowed to modify labels: ${list}`,
  );
}

function isForbidden(key: string): boolean {
  const slash = key.indexOf('/');
  const namespace = slash === -1 ? '' : key.slice(0, slash);
  const within = (domain: string): boolean => namespace === domain || namespace.endsWith(`.${domain}`);
  if (within(RESTRICTED_NAMESPACE)) return true;
  return (within('kubernetes.io') || within('k8s.io')) && !KUBELET_LABELS.has(key) && !KUBELET_NAMESPACES.some(within);
}
