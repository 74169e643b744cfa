// pure
// As much of an assembler as two small programs need: lines of machine code with labels, in one pass and a patch.

/** One line of a program: bytes, the name of this place, or an instruction that refers to a named place. */
export type Line =
  | Uint8Array
  | { readonly label: string }
  | {
      readonly to: string;
      /** The instruction's bytes; `distance` is from its own first byte to the label's. Always `size` of them. */
      readonly encode: (distance: number) => Uint8Array;
      readonly size: number;
    };

/** @throws RangeError for a label that is not there */
export function assemble(lines: readonly Line[]): Uint8Array {
  const places = new Map<string, number>();
  let at = 0;
  for (const line of lines) {
    if ('label' in line) places.set(line.label, at);
    else at += line instanceof Uint8Array ? line.length : line.size;
  }

  const code = new Uint8Array(at);
  at = 0;
  for (const line of lines) {
    if ('label' in line) continue;
    const bytes = line instanceof Uint8Array ? line : line.encode(distanceTo(line.to, places, at));
    code.set(bytes, at);
    at += bytes.length;
  }
  return code;
}

function distanceTo(label: string, places: ReadonlyMap<string, number>, from: number): number {
  const place = places.get(label);
  if (place === undefined) throw new RangeError(`no label ${label}`);
  return place - from;
}

export function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** A 32-bit word, little endian. */
export function word(value: number): Uint8Array {
  return bytes(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
