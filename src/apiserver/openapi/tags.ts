// How operations of a group version are called. Source: apiserver pkg/endpoints/openapi GetOperationIDAndTags.

/** `apps`, `rbacAuthorization`; `core` for the core group. */
export const groupTag = (group: string): string => (group === '' ? 'core' : camel(group.replace(/\.k8s\.io$/, '')));

export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

const camel = (text: string): string =>
  text
    .split(/[.-]/)
    .map((part, index) => (index === 0 ? part : capital(part)))
    .join('');
