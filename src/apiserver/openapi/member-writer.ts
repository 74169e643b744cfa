// Documents are written member by member: a path or a schema that stays is never written again.

export interface MemberWriter<P, S> {
  path(name: string, value: P): Uint8Array;
  schema(name: string, value: S): Uint8Array;
  /** The document of these members, and of what is always the same. */
  whole(paths: readonly Uint8Array[], schemas: readonly Uint8Array[]): Buffer;
}

/**
 * @param frame what the document says beside its members
 * @param around the texts before the paths, between them and the schemas, and after those
 */
export function jsonWriter(frame: object, [before, between, after]: readonly [string, string, string]): MemberWriter<object, object> {
  const member = (name: string, value: object): Uint8Array => Buffer.from(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const start = JSON.stringify(frame).slice(0, -1) + before;
  return {
    path: member,
    schema: member,
    whole: (paths, schemas) =>
      Buffer.concat([Buffer.from(start), ...withCommas(paths), Buffer.from(between), ...withCommas(schemas), Buffer.from(after)]),
  };
}

const COMMA = Buffer.from(',');

const withCommas = (members: readonly Uint8Array[]): readonly Uint8Array[] =>
  members.flatMap((member, i) => (i === 0 ? [member] : [COMMA, member]));
