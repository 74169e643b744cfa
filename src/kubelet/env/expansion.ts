// pure
// `$(VAR)` references in commands, arguments, environment values and subPathExpr.

/** Gives a variable's value, or undefined when there is none. */
export type Lookup = (name: string) => string | undefined;

/**
 * `$(NAME)` becomes its value, or stays as it is when there is none; `$$` is a literal `$`; anything else stays.
 * Source: third_party/forked/golang/expansion Expand, MappingFuncFor.
 */
export function expand(text: string, lookup: Lookup): string {
  let out = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1 || dollar === text.length - 1) return out + text.slice(at);
    out += text.slice(at, dollar);
    const next = text[dollar + 1];
    const close = next === '(' ? text.indexOf(')', dollar + 2) : -1;
    if (close !== -1) {
      const name = text.slice(dollar + 2, close);
      out += lookup(name) ?? `$(${name})`;
      at = close + 1;
    } else {
      out += next === '$' ? '$' : `$${next}`;
      at = dollar + 2;
    }
  }
}

export class MissingVariables extends Error {
  override readonly name = 'MissingVariables';
}

/**
 * As expand, but every variable must have a value.
 * @throws MissingVariables naming those without; Source: kubecontainer.ExpandContainerVolumeMounts
 */
export function expandStrict(text: string, lookup: Lookup): string {
  const missing = new Set<string>();
  const out = expand(text, (name) => {
    const value = lookup(name);
    if (value === undefined || value === '') missing.add(name);
    return value ?? '';
  });
  if (missing.size > 0) throw new MissingVariables(`missing value for ${[...missing].toSorted().join(', ')}`);
  return out;
}
