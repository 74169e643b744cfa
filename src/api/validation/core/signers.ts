// Names of certificate signers and trust bundles. Source: core validation names.go.
import type { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { dns1123Label, dns1123Subdomain, LABEL_MAX_LENGTH, SUBDOMAIN_MAX_LENGTH } from '#apimachinery/names.ts';
import { subdomainName, type NameCheck } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

export function isKubernetesSigner(signer: string): boolean {
  const host = signer.split('/')[0] as string;
  return host === 'kubernetes.io' || host.endsWith('.kubernetes.io');
}

/** `example.com/signer-name`. Source: ValidateSignerName. */
export function validateSignerName(out: Problems, at: Path, signer: string | undefined): void {
  if (blank(signer)) return out.required(at);
  const segments = signer.split('/');
  if (segments.length !== 2)
    return out.invalid(at, signer, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  const [domain, path] = segments as [string, string];
  if (domain.length > SUBDOMAIN_MAX_LENGTH) out.tooLong(at, SUBDOMAIN_MAX_LENGTH);
  const labels = domain.split('.');
  validateParts(out, at, domain, labels, dns1123Label);
  if (labels.length < 2) out.invalid(at, domain, 'should be a domain with at least two segments separated by dots');
  validateParts(out, at, path, path.split('.'), dns1123Subdomain);
  const longest = SUBDOMAIN_MAX_LENGTH * 2 + LABEL_MAX_LENGTH + 2;
  if (signer.length > longest) out.tooLong(at, longest);
}

/** Only the first bad part is named. */
function validateParts(out: Problems, at: Path, whole: string, parts: readonly string[], check: (part: string) => readonly string[]): void {
  const bad = parts.find((part) => check(part).length > 0);
  if (bad !== undefined) for (const why of check(bad)) out.invalid(at, whole, `validating label ${goQuote(bad)}: ${why}`);
}

/** Source: ValidateClusterTrustBundleName. */
export const trustBundleName =
  (signer: string): NameCheck =>
  (name, prefix) => {
    if (signer === '')
      return name.includes(':') ? ['ClusterTrustBundle without signer name must not have ":" in its name'] : subdomainName(name, prefix);
    const required = `${signer.replaceAll('/', ':')}:`;
    if (!name.startsWith(required)) return [`ClusterTrustBundle for signerName ${signer} must be named with prefix ${required}`];
    return subdomainName(name.slice(required.length), prefix);
  };

/** The signer that a bundle's name belongs to; empty for none. */
export function signerOfTrustBundle(name: string): string {
  const end = name.lastIndexOf(':');
  return end === -1 ? '' : name.slice(0, end).replaceAll(':', '/');
}
