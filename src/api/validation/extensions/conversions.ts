// How objects of a definition are converted between its versions. Source: apiextensions-apiserver validateCustomResourceConversion.
import type { CustomResourceConversion, CustomResourceDefinition } from '../../gen/apiextensions-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { dns1035Label } from '#apimachinery/names.ts';
import { validateHookService, validateHookUrl } from '../admission/webhooks.ts';
import { authoritiesProblem } from '../certificates/pem.ts';
import type { Problems } from '../problems.ts';
import type { Lenience } from './lenience.ts';
import { isReviewVersion, REVIEW_VERSIONS } from './review-versions.ts';

export const isEstablished = ({ status }: CustomResourceDefinition): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === 'Established' && condition.status === 'True');

/** Before a definition is established, and where they were bad before, authorities may be bad. Source: allowInvalidCABundle. */
function needsGoodAuthorities(old: CustomResourceDefinition | undefined): boolean {
  if (old === undefined || !isEstablished(old)) return false;
  const { conversion } = old.spec as Partial<CustomResourceDefinition['spec']>; // another server may have stored it without
  return authoritiesProblem(conversion?.webhook?.clientConfig?.caBundle ?? '') === undefined;
}

export function validateConversion(
  out: Problems,
  at: Path,
  { strategy, webhook }: CustomResourceConversion,
  { old, lenience }: { readonly old: CustomResourceDefinition | undefined; readonly lenience: Lenience },
): void {
  out.requiredOneOf(at.child('strategy'), strategy, ['None', 'Webhook']);
  const [config, reviews] = [at.child('webhookClientConfig'), at.child('conversionReviewVersions')];
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy !== 'Webhook') {
    const detail = 'should not be set when strategy is not set to Webhook';
    if (webhook?.clientConfig !== undefined) out.forbidden(config, detail);
    if (versions.length > 0) out.forbidden(reviews, detail);
    return;
  }
  const { url, service } = webhook?.clientConfig ?? {};
  if (webhook?.clientConfig === undefined) out.required(config, 'required when strategy is set to Webhook');
  else if ((url === undefined) === (service === undefined)) out.required(config, 'exactly one of url or service is required');
  else if (url !== undefined) validateHookUrl(out, config.child('url'), url);
  else if (service !== undefined) validateHookService(out, config.child('service'), service);
  const { caBundle = '' } = webhook?.clientConfig ?? {};
  const problem = needsGoodAuthorities(old) ? authoritiesProblem(caBundle) : undefined;
  if (problem !== undefined) out.invalid(config.child('caBundle'), caBundle, problem);
  if (versions.length === 0) return out.required(reviews);
  const seen = new Set<string>();
  versions.forEach((version, i) => {
    if (seen.has(version)) return out.invalid(reviews.index(i), version, 'duplicate version');
    seen.add(version);
    return out.each(reviews.index(i), version, dns1035Label(version));
  });
  if (!lenience.reviews && !versions.some(isReviewVersion))
    out.invalid(reviews, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
}
