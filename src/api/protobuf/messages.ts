// The message table for the codec: proto.json, with what the definitions know of each field (its name in JSON, whether
// Go writes its zero) and with embedded structs inlined, as they are in JSON.
import type { ProtoField, ProtoMessage, ProtoSchema } from '#base/protobuf/schema.ts';
import protoTable from '../schema/proto.json' with { type: 'json' };
import { definitions, type DefinitionRow, type FieldRow } from '../schema/tables.ts';

const messages = protoTable as unknown as Readonly<Record<string, ProtoMessage>>;

/** The message of a definition; undefined for the few types that have none (Table). */
export function messageName(definition: string): string | undefined {
  const row = definitions[definition];
  if (row?.proto === '') return undefined;
  return row?.proto ?? definition.replace(/^io\.k8s/, 'k8s.io').replaceAll('-', '_');
}

/** Built once, when protobuf is first used. */
export function protoSchema(): ProtoSchema {
  const fields = new Map<string, Map<string, ProtoField>>();
  for (const [name, message] of Object.entries(messages)) fields.set(name, new Map(Object.entries(message.fields)));
  for (const [definition, row] of Object.entries(definitions)) {
    const name = messageName(definition);
    if (name !== undefined && fields.has(name)) describe(name, row, fields);
  }
  return { syntax: 'proto2', messages: Object.fromEntries([...fields].map(([name, own]) => [name, { fields: Object.fromEntries(own) }])) };
}

function describe(name: string, { fields: rows }: DefinitionRow, all: Map<string, Map<string, ProtoField>>): void {
  for (const [json, row] of Object.entries(rows)) {
    let own = all.get(name);
    for (const step of row.protoIn?.split('.') ?? []) {
      const embedded = own?.get(step);
      if (embedded === undefined) throw new RangeError(`${name} has no field ${step}`);
      own?.set(step, { ...embedded, inline: true, always: true });
      own = all.get(embedded.type);
    }
    const protoName = row.protoName ?? json;
    const field = own?.get(protoName);
    // kind and apiVersion of whole objects travel outside the message.
    if (field !== undefined) own?.set(protoName, { ...field, json, ...(isAlwaysWritten(field, row) ? { always: true } : {}) });
  }
}

/** Gogo-generated code writes every field that is no pointer, zero or not; bytes only when there are any. */
function isAlwaysWritten({ label, type }: ProtoField, row: FieldRow): boolean {
  return label === 'optional' && row.ptr !== true && type !== 'bytes';
}
