// Budgets of evaluations, in cost units; 10,000,000 take about a second upstream. Source: apiserver pkg/apis/cel/config.go.

/** Of one evaluation of one expression. Source: PerCallLimit. */
export const PER_CALL_LIMIT = 1_000_000;
/** Of all validations of one object, or of one policy with one binding. Source: RuntimeCELCostBudget. */
export const RUNTIME_BUDGET = 10_000_000;
/** Of all match conditions for one object. Source: RuntimeCELCostBudgetMatchConditions. */
export const MATCH_CONDITIONS_BUDGET = 2_500_000;
