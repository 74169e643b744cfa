// What a pod spec may hold depends on where it stands. Source: PodValidationOptions.

export interface PodRules {
  /** `template`: inside a workload; a pod made of it may still be completed. */
  readonly owner: 'pod' | 'template';
}

export const POD: PodRules = { owner: 'pod' };
export const TEMPLATE: PodRules = { owner: 'template' };
