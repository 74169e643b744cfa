// Types as error messages of the checker show them. Source: checker/format.go FormatCELType.
import { typeName, typeParams, type Type } from '../types.ts';

export function formatType(type: Type): string {
  switch (type.kind) {
    case 'any':
    case 'duration':
    case 'timestamp':
      return type.kind;
    case 'error':
      return '!error!';
    case 'null_type':
      return 'null';
    default: {
      const params = typeParams(type).map(formatType);
      return params.length === 0 ? typeName(type) : `${typeName(type)}(${params.join(', ')})`;
    }
  }
}

/** `string.(int)` for a member, `(string, int)` otherwise. */
export function formatSignature(args: readonly Type[], member: boolean): string {
  const shown = args.map(formatType);
  return member ? `${shown[0] ?? ''}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
}
