// The building blocks of defaulting: each gives back the same object when there is nothing to add.

/** A default may be a value or made from the object it goes into. Absent and null members get it, others keep theirs. */
export function fill<T extends object>(value: T, defaults: { readonly [K in keyof T]?: T[K] }): T {
  let out: T | undefined;
  for (const key in defaults) {
    const present = value[key];
    if (present !== undefined && present !== null) continue;
    out ??= { ...value };
    out[key] = defaults[key] as T[typeof key];
  }
  return out ?? value;
}

/** A defaulter that only fills in constants. */
export function constants(defaults: Readonly<Record<string, unknown>>): Defaulter {
  return (value) => fill(value as Record<string, unknown>, defaults);
}

/** As `constants`, for members that are always written: their zero is what an absent one looks like. */
export function constantsForZero(defaults: Readonly<Record<string, string | number>>): Defaulter {
  return (value) => {
    let out = value as Record<string, unknown>;
    for (const [key, constant] of Object.entries(defaults)) {
      const present = out[key];
      if (present === undefined || present === '' || present === 0) out = { ...out, [key]: constant };
    }
    return out;
  };
}

/**
 * Adds what server-side defaulting adds to one struct, not to structs inside it. Pure: the argument is never changed.
 * `now`: milliseconds since the epoch.
 */
export type Defaulter = (value: object, now: number) => object;

/** A defaulter written for the type it is for; the walk calls it only with values of that type. */
export function typed<T extends object>(defaulter: (value: T, now: number) => T): Defaulter {
  return defaulter as unknown as Defaulter;
}

/** By definition name. */
export type DefaulterTable = Readonly<Record<string, Defaulter>>;
