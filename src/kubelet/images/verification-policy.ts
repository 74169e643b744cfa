// pure
// Whose images a pod may use only if it could pull them itself. Source: pullmanager image_pull_policies.go.
import { parseImageReference } from '#api/image-reference.ts';
import { ImageNameError, repositoryOf } from './image-name.ts';

/** `pulled`: the kubelet pulled it, or began to. */
export type VerificationPolicy = (image: string, pulled: boolean) => boolean;

/** By the names and patterns of KubeletConfiguration. */
export function verificationPolicy(name: string, allowlist: readonly string[]): VerificationPolicy {
  switch (name) {
    case 'NeverVerify':
      return () => false;
    case 'AlwaysVerify':
      return () => true;
    case 'NeverVerifyAllowlistedImages':
      return (image) => !isAllowed(image, allowlist);
    default: // NeverVerifyPreloadedImages
      return (_, pulled) => pulled;
  }
}

function isAllowed(image: string, allowlist: readonly string[]): boolean {
  try {
    const repository = repositoryOf(image);
    return allowlist.some((pattern) => (pattern.endsWith('/*') ? repository.startsWith(pattern.slice(0, -1)) : repository === pattern));
  } catch (error) {
    if (error instanceof ImageNameError) return false;
    throw error;
  }
}

/** What is wrong with a pattern: a repository in full, or the beginning of some, `registry.example.com/team/*`. */
export function allowlistProblem(pattern: string): string | undefined {
  if (pattern !== pattern.trim()) return `leading/trailing spaces are not allowed: ${pattern}`;
  const wild = pattern.endsWith('/*');
  const start = wild ? pattern.slice(0, -1) : pattern;
  if (start === '') return `the supplied pattern is too short: ${pattern}`;
  if (start.includes('*')) return `not a valid wildcard pattern, only patterns ending with '/*' are allowed: ${pattern}`;
  if (wild) return start.length === 1 ? 'at least registry hostname is required' : undefined;
  const reference = parseImageReference(pattern);
  if (reference === undefined) return 'failed to parse as an image name: invalid reference format';
  return `${reference.domain}/${reference.path}` === pattern
    ? undefined
    : `neither tag nor digest is accepted in an image reference: ${pattern}`;
}
