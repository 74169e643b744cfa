// Plain objects built key by key, safe for every key JSON can carry.

/** An object being built; finished ones are handed out readonly. */
export type JsonObject = Record<string, unknown>;

/** Sets an own member whatever its name: a plain assignment of `__proto__` would change the prototype instead. */
export function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
