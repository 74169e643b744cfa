// Plain objects built and read key by key, safe for every key JSON can carry.

/** An object being built; finished ones are handed out readonly. */
export type JsonObject = Record<string, unknown>;

/** Sets an own member whatever its name: a plain assignment of `__proto__` would change the prototype instead. */
export function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/** A member of a map whose names users chose: what all objects inherit, as `constructor`, is none. */
export const ownValue = <T>(map: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
