// Workloads. Source: scheduling validation.go; k8s.io/api/scheduling/v1alpha2 types.go (+k8s tags).
import type { TypedLocalObjectReference, Workload, WorkloadSpec } from '../../gen/scheduling-v1alpha2.ts';
import { Path } from '#apimachinery/field-path.ts';
import { dns1123Label, dns1123Subdomain, pathSegmentName } from '#apimachinery/names.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { validateClaims, validateNamed, validatePolicy, validateRequired } from './pod-groups.ts';

const CONTROLLER = Path.of('spec', 'controllerRef');
const TEMPLATES = Path.of('spec', 'podGroupTemplates');
/** Source: WorkloadMaxPodGroupTemplates. */
const MAX_TEMPLATES = 8;

export function validateWorkload(out: Problems, { metadata, spec }: Workload): void {
  validateObjectMeta(out, metadata, 'namespaced', subdomainName);
  validateController(out, spec.controllerRef);
  validateTemplates(out, spec.podGroupTemplates as WorkloadSpec['podGroupTemplates'] | undefined);
}

export function validateWorkloadUpdate(out: Problems, { metadata, spec }: Workload, old: Workload): void {
  validateObjectMetaUpdate(out, metadata, old.metadata);
  out.immutable(CONTROLLER, null, semanticEqual(spec.controllerRef, old.spec.controllerRef));
  out.immutable(TEMPLATES, null, semanticEqual(spec.podGroupTemplates, old.spec.podGroupTemplates));
}

function validateController(out: Problems, reference: TypedLocalObjectReference | undefined): void {
  if (reference === undefined) return;
  const { apiGroup, kind, name } = reference;
  if (!blank(apiGroup)) out.each(CONTROLLER.child('apiGroup'), apiGroup, dns1123Subdomain(apiGroup));
  validateRequired(out, CONTROLLER.child('kind'), kind, pathSegmentName);
  validateRequired(out, CONTROLLER.child('name'), name, pathSegmentName);
}

function validateTemplates(out: Problems, templates: WorkloadSpec['podGroupTemplates'] = []): void {
  if (templates.length === 0) return out.required(TEMPLATES);
  if (!validateNamed(out, TEMPLATES, templates, MAX_TEMPLATES)) return;
  templates.forEach(({ name, schedulingPolicy, resourceClaims }, i) => {
    const at = TEMPLATES.index(i);
    validateRequired(out, at.child('name'), name, dns1123Label);
    validatePolicy(out, at.child('schedulingPolicy'), schedulingPolicy);
    validateClaims(out, at.child('resourceClaims'), resourceClaims);
  });
}
