// pure
// Whether an expression looks at a claim. Source: apiserver validation hasSelectExp.
import type { Expr } from '#apimachinery/cel/ast.ts';
import { parse } from '#apimachinery/cel/parse/parser.ts';
import { Problems } from '#apimachinery/cel/source.ts';

/** `claims.NAME` or `claims.?NAME` anywhere in it; false for what cannot be parsed. */
export function selectsClaim(expression: string, name: string): boolean {
  const tree = parse(expression, new Problems(expression));
  return tree !== undefined && selects(tree, name);
}

function selects(expr: Expr, name: string): boolean {
  const isClaims = (operand: Expr | undefined): boolean => operand?.kind === 'ident' && operand.name === 'claims';
  const any = (...parts: readonly (Expr | undefined)[]): boolean => parts.some((part) => part !== undefined && selects(part, name));
  switch (expr.kind) {
    case 'literal':
    case 'ident':
      return false;
    case 'select':
      return (isClaims(expr.operand) && expr.field === name) || selects(expr.operand, name);
    case 'call': {
      const [operand, field] = expr.args;
      if (expr.name === '_?._' && isClaims(operand) && field?.kind === 'literal' && field.value === name) return true;
      return any(expr.target, ...expr.args);
    }
    case 'list':
      return any(...expr.elements);
    case 'map':
      return expr.entries.some(({ key, value }) => any(key, value));
    case 'struct':
      return expr.fields.some(({ value }) => selects(value, name));
    case 'comprehension':
      return any(expr.range, expr.init, expr.condition, expr.step, expr.result);
  }
}
