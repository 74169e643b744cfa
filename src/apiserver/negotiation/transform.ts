// Objects in the form a client asked for: as they are, as metadata only, or as rows of a table.
import { StatusError } from '#apimachinery/errors.ts';
import type { KubeObject } from '#api/types.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import { metadataOnly } from './partial-metadata.ts';
import type { OutputForm } from './output.ts';
import type { PrintedKind, TableMaker } from './table.ts';

/**
 * Metadata of one object is none of a list, nor the other way round.
 * @throws StatusError NotAcceptable. Source: asPartialObjectMetadata, asPartialObjectMetadataList
 */
export function checkMetadataOf(what: 'object' | 'list', { transform }: OutputForm, { info }: PrintedKind): void {
  if (transform !== (what === 'list' ? 'PartialObjectMetadata' : 'PartialObjectMetadataList')) return;
  const name =
    info.origin === 'custom'
      ? `unstructured.Unstructured${what === 'list' ? 'List' : ''}`
      : `${info.group === '' ? 'core' : info.group.split('.', 1)[0]}.${what === 'list' ? info.listKind : info.kind}`;
  const found = `the requested object is ${what === 'list' ? 'a' : 'not a'} list (*${name})`;
  throw new StatusError('NotAcceptable', `you requested ${transform}, but ${found}`);
}

/** One object, which need not be a stored one. @throws StatusError NotAcceptable */
export function transformed(object: KubeObject, form: OutputForm, kind: PrintedKind, tables: TableMaker): object {
  checkMetadataOf('object', form, kind);
  return objectForm(form, kind, tables).one({ object });
}

/** An encoder of one request's objects; `served` objects are in the served version. */
export interface ObjectForm {
  /** The same for two requests whose encoded events can be shared. */
  readonly id: string;
  one(object: Pick<StoredObject, 'object'>): object;
  /** Event number `index` of a watch. */
  event(object: StoredObject, index: number): object;
  /** A bookmark, of an object of which nothing is known but its metadata. */
  bookmark(empty: KubeObject): object;
}

export function objectForm(form: OutputForm, served: PrintedKind, tables: TableMaker): ObjectForm {
  const { transform, metaVersion } = form;
  const apiVersion = `meta.k8s.io/${metaVersion}`;
  switch (transform) {
    case 'none':
      return { id: '', one: (object) => object.object, event: (object) => object.object, bookmark: (empty) => empty };
    case 'Table':
      return {
        id: `Table ${metaVersion} ${tables.includeObject}`,
        one: (object) => tables.table(served, [object.object], apiVersion),
        // Column definitions come with the first event only. Source: watchEncoder's table conversion.
        event: (object, index) => tables.table(served, [object.object], apiVersion, index === 0),
        // Its annotation must be seen, also by who asked for no objects. Source: asTable.
        bookmark: (empty) => ({
          kind: 'Table',
          apiVersion,
          metadata: { resourceVersion: empty.metadata.resourceVersion },
          columnDefinitions: [],
          rows: [{ cells: [], object: tables.includeObject === 'Object' ? empty : metadataOnly(empty, apiVersion) }],
        }),
      };
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList': {
      const one = (object: Pick<StoredObject, 'object'>): object => metadataOnly(object.object, apiVersion);
      return { id: `PartialObjectMetadata ${metaVersion}`, one, event: one, bookmark: (empty) => metadataOnly(empty, apiVersion) };
    }
  }
}
