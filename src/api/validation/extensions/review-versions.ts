// pure
// Versions of ConversionReview that webhooks may speak. Source: apiextensions-apiserver acceptedConversionReviewVersions.

export const REVIEW_VERSIONS: readonly string[] = ['v1', 'v1beta1'];

export const isReviewVersion = (version: string): boolean => REVIEW_VERSIONS.includes(version);
