// Which objects a list or watch is about: its selectors as one judgement, and the narrowest index that answers it.
import type { FieldSelector } from '#apimachinery/fields.ts';
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { StoredObject } from '../cache/stored-object.ts';
import type { WatchScope } from '../cache/watchers.ts';
import type { StoredResource } from './catalog.ts';

export interface Selection extends WatchScope {
  /** No selector restricts it: counts need not look at objects. */
  readonly all: boolean;
}

export function selection(stored: StoredResource, namespace: string, labels: LabelSelector, fields: FieldSelector): Selection {
  const name = fields.requiresExactMatch('metadata.name');
  const selectedNamespace = namespace === '' ? fields.requiresExactMatch('metadata.namespace') : undefined;
  const within = namespace === '' ? selectedNamespace : namespace;
  const field = stored.strategy.indexedFields
    ?.map((label) => ({ label, value: fields.requiresExactMatch(label) }))
    .find((found): found is { label: string; value: string } => found.value !== undefined);
  const label = labels.requirements.find(
    (r) => (r.operator === '=' || r.operator === '==' || r.operator === 'in') && r.values.length === 1,
  );
  const matches = labels.empty && fields.empty ? undefined : judgement(stored, labels, fields);
  return {
    all: matches === undefined,
    ...(within === undefined ? {} : { namespace: within }),
    ...(name === undefined ? {} : { name }),
    ...(field === undefined ? {} : { field }),
    ...(label === undefined ? {} : { label: { key: label.key, value: label.values[0] as string } }),
    ...(matches === undefined ? {} : { matches }),
  };
}

function judgement({ strategy, form }: StoredResource, labels: LabelSelector, fields: FieldSelector): (object: StoredObject) => boolean {
  const readers = strategy.selectableFields ?? {};
  return (given) => {
    const object = form === undefined ? given : form.view(given);
    if (!labels.empty && !labels.matches(object.trimmed.metadata.labels)) return false;
    if (fields.empty) return true;
    return fields.matches((field) => {
      if (field === 'metadata.name') return object.name;
      if (field === 'metadata.namespace') return object.namespace;
      return readers[field]?.(object.trimmed) ?? '';
    });
  };
}
