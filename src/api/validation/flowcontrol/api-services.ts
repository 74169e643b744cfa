// APIServices. Source: kube-aggregator apiregistration validation.go.
import type { APIService, APIServiceSpec } from '../../gen/apiregistration-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { dns1035Label, dns1123Subdomain, pathSegmentName, portNumber } from '#apimachinery/names.ts';
import { validatePlainMeta, validatePlainMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const SPEC = Path.of('spec');
const MAX_GROUP_PRIORITY = 20_000;
const MAX_VERSION_PRIORITY = 1000;

export function validateApiService(out: Problems, service: APIService): void {
  const spec: Partial<APIServiceSpec> = service.spec ?? {};
  const { group = '', version = '', groupPriorityMinimum: groupPriority = 0, versionPriority = 0 } = spec;
  const name = `${version}.${group}`;
  validatePlainMeta(out, service.metadata, 'cluster', (given) => {
    const reasons = pathSegmentName(given);
    if (reasons.length > 0) return reasons;
    return given === name ? [] : [`must be \`spec.version+"."+spec.group\`: ${goQuote(name)}`];
  });
  if (group === '' && version !== 'v1') out.required(SPEC.child('group'), 'only v1 may have an empty group and it better be legacy kube');
  if (group !== '') out.each(SPEC.child('group'), group, dns1123Subdomain(group));
  out.each(SPEC.child('version'), version, dns1035Label(version));
  if (groupPriority <= 0 || groupPriority > MAX_GROUP_PRIORITY)
    out.invalid(SPEC.child('groupPriorityMinimum'), groupPriority, `must be positive and less than ${MAX_GROUP_PRIORITY}`);
  if (versionPriority <= 0 || versionPriority > MAX_VERSION_PRIORITY)
    out.invalid(SPEC.child('versionPriority'), versionPriority, `must be positive and less than ${MAX_VERSION_PRIORITY}`);
  validateBackend(out, spec);
}

function validateBackend(
  out: Problems,
  { service, caBundle = '', insecureSkipTLSVerify: insecure = false }: Partial<APIServiceSpec>,
): void {
  const skip = SPEC.child('insecureSkipTLSVerify');
  if (service === undefined) {
    const bytes = Buffer.from(caBundle, 'base64').length;
    if (bytes > 0) out.invalid(SPEC.child('caBundle'), `${bytes} bytes`, 'local APIServices may not have a caBundle');
    if (insecure) out.invalid(skip, insecure, 'local APIServices may not have insecureSkipTLSVerify');
    return;
  }
  const at = SPEC.child('service');
  if (blank(service.namespace)) out.required(at.child('namespace'));
  if (blank(service.name)) out.required(at.child('name'));
  const { port = 443 } = service as { readonly port?: number };
  const reasons = portNumber(port);
  if (reasons.length > 0) out.invalid(at.child('port'), port, `port is not valid: ${reasons.join(', ')}`);
  if (insecure && caBundle !== '') out.invalid(skip, insecure, 'may not be true if caBundle is present');
}

export function validateApiServiceUpdate(out: Problems, service: APIService, old: APIService): void {
  validatePlainMetaUpdate(out, service.metadata, old.metadata);
  validateApiService(out, service);
}

export function validateApiServiceStatusUpdate(out: Problems, service: APIService, old: APIService): void {
  validatePlainMetaUpdate(out, service.metadata, old.metadata);
  (service.status?.conditions ?? []).forEach(({ status }, i) => {
    out.oneOf(Path.of('status').child('conditions').index(i).child('status'), status, ['True', 'False', 'Unknown']);
  });
}
