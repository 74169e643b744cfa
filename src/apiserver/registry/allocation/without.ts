/** A copy without `names`; the same object when it has none of them. */
export function without<T extends object, K extends keyof T>(object: T, ...names: readonly K[]): T {
  if (!names.some((name) => object[name] !== undefined)) return object;
  const copy = { ...object };
  for (const name of names) delete copy[name];
  return copy;
}
