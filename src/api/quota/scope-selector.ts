// One requirement of a quota's scope selector against one value.
// Source: pkg/apis/core/v1/helper ScopedResourceSelectorRequirementsAsSelector.

interface Requirement {
  readonly operator: string;
  readonly values?: readonly string[];
}

/** @param value undefined: the object has none */
export function labelMatches({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
