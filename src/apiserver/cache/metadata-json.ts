// Metadata as it is stored and served, its members in Go's order.
import { fieldsText } from '#api/fields-text.ts';
import type { KubeObject } from '#api/types.ts';
import { htmlEscaped, sortedMap } from '#apimachinery/go-format.ts';
import type { JsonObject } from '#apimachinery/json-value.ts';

/** As Go declares ObjectMeta, but for managedFields, which come last; stored metadata has no resourceVersion. */
const METADATA_ORDER = [
  'name',
  'generateName',
  'namespace',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
] as const satisfies readonly (keyof KubeObject['metadata'])[];

type Metadata = KubeObject['metadata'];

/** Served metadata in JSON, as a struct of Go is written. */
export const metadataJson = (metadata: Metadata): string => htmlEscaped(metadataText(metadata, metadata.resourceVersion));

/** @param resourceVersion empty: without one */
export function metadataText(metadata: Metadata, resourceVersion = ''): string {
  const ordered: Record<string, unknown> = {};
  for (const name of METADATA_ORDER) {
    if (name === 'resourceVersion') {
      if (resourceVersion !== '') ordered[name] = resourceVersion;
    } else if (metadata[name] !== undefined) ordered[name] = metadata[name];
  }
  const text = JSON.stringify(ordered);
  const { managedFields } = metadata;
  if (managedFields === undefined || managedFields === null) return text;
  const owners = `"managedFields":[${managedFields.map(ownerText).join(',')}]}`;
  return text === '{}' ? `{${owners}` : `${text.slice(0, -1)},${owners}`;
}

const MAP_ORDER = [...METADATA_ORDER, 'managedFields' as const].filter((name) => name !== 'resourceVersion').toSorted();

/** The same as a map of Go. */
export function mapMetadataText(metadata: Metadata): string {
  const members = MAP_ORDER.filter((name) => metadata[name] !== undefined && metadata[name] !== null).map((name) => {
    const list = name === 'managedFields' || name === 'ownerReferences' ? (metadata[name] as readonly JsonObject[]) : undefined;
    const value = list === undefined ? JSON.stringify(metadata[name]) : `[${list.map((each) => ownerText(sortedMap(each))).join(',')}]`;
    return `"${name}":${value}`;
  });
  return `{${members.join(',')}}`;
}

/** An owner of fields; other objects are as they are. */
function ownerText(entry: JsonObject | NonNullable<Metadata['managedFields']>[number]): string {
  const members = entry as JsonObject;
  const { fieldsV1 } = members;
  if (typeof fieldsV1 !== 'object' || fieldsV1 === null) return JSON.stringify(entry);
  let text = '';
  for (const name of Object.keys(members)) {
    if (members[name] === undefined) continue;
    const value = name === 'fieldsV1' ? fieldsText(fieldsV1) : JSON.stringify(members[name]);
    text += `${text === '' ? '' : ','}"${name}":${value}`;
  }
  return `{${text}}`;
}
