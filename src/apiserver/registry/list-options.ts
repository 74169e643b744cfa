// The query of a list or a watch, validated. Pure. Source: metainternalversion ListOptions and its validation.
import { badRequest } from '#apimachinery/errors.ts';
import { forbidden, notSupported, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { everyField, parseFieldSelector, type FieldSelector } from '#apimachinery/fields.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { SelectorError } from '#apimachinery/label-requirement.ts';
import { everything, parseLabelSelector, type LabelSelector } from '#apimachinery/labels.ts';
import type { Query } from '../request.ts';
import { isTrue } from '../stages/request-info.ts';
import type { ServedResource } from './catalog.ts';
import type { Strategy } from './strategy.ts';

export interface ListOptions {
  readonly labelSelector: LabelSelector;
  readonly fieldSelector: FieldSelector;
  /** Empty for the newest. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: '' | 'Exact' | 'NotOlderThan';
  /** 0 for all. */
  readonly limit: number;
  readonly continue: string;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** Seconds; undefined for the server's choice. */
  readonly timeoutSeconds: number | undefined;
}

const LIST_KIND = { group: 'meta.k8s.io', kind: 'ListOptions' };

/** @throws StatusError BadRequest for what cannot be read, Invalid for what contradicts itself */
export function parseListOptions(
  query: Query,
  { stored, apiVersion, info }: Pick<ServedResource, 'stored' | 'apiVersion' | 'info'>,
  verb: 'list' | 'watch' | 'deletecollection',
): ListOptions {
  const labels = fieldLabels(stored?.strategy ?? {}, { apiVersion, namespaced: info.namespaced });
  const match = query.get('resourceVersionMatch') ?? '';
  const initial = query.get('sendInitialEvents');
  const options = {
    labelSelector: selector(query.get('labelSelector'), parseLabelSelector, everything),
    fieldSelector: selector(query.get('fieldSelector'), (text) => parseFieldSelector(text, labels), everyField),
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: match as ListOptions['resourceVersionMatch'],
    limit: integer(query.get('limit')) ?? 0,
    continue: query.get('continue') ?? '',
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: initial === undefined || initial === '' ? undefined : isTrue(initial),
    timeoutSeconds: integer(query.get('timeoutSeconds')),
  };
  const errors = verb === 'watch' ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw toStatusError(LIST_KIND, '', errors);
  return options;
}

function selector<S>(text: string | undefined, parse: (text: string) => S, none: S): S {
  if (text === undefined || text === '') return none;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    throw badRequest(error.message);
  }
}

/** Source: strconv.ParseInt as the parameter codec reports it. */
function integer(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: value out of range`);
  return value;
}

/** Source: runtime.DefaultMetaV1FieldSelectorConversion, AddFieldLabelConversionFunc of each kind. */
function fieldLabels(
  { selectableFields = {}, fieldAliases, unknownFieldLabel }: Strategy,
  { apiVersion, namespaced }: { readonly apiVersion: string; readonly namespaced: boolean },
): (label: string, value: string) => readonly [string, string] {
  const aliases = fieldAliases?.[apiVersion];
  const own = unknownFieldLabel !== undefined || Object.keys(selectableFields).length > 0;
  return (label, value) => {
    if (label === 'metadata.name') return [label, value];
    // A kind with labels of its own knows its scope; the general answer does not.
    if (label === 'metadata.namespace' && (namespaced || !own)) return [label, value];
    if (aliases !== undefined && Object.hasOwn(aliases.labels, label)) return [aliases.labels[label] as string, value];
    if (aliases?.only !== true && Object.hasOwn(selectableFields, label)) return [label, value];
    if (!own) throw badRequest(`${goQuote(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
    throw badRequest(unknownFieldLabel?.(label) ?? `field label not supported: ${label}`);
  };
}

function listErrors({
  resourceVersionMatch: match,
  resourceVersion,
  continue: token,
  sendInitialEvents,
}: ListOptions): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (match !== '') {
    if (resourceVersion === '')
      errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (token !== '') errors.push(forbidden('resourceVersionMatch', CONTINUE_WITH_MATCH));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && resourceVersion === '0') {
      errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (sendInitialEvents !== undefined) errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return errors;
}

const CONTINUE_WITH_MATCH = 'resourceVersionMatch is forbidden when continue is provided';

function watchErrors({
  resourceVersionMatch: match,
  resourceVersion,
  continue: token,
  sendInitialEvents,
}: ListOptions): readonly FieldError[] {
  const errors: FieldError[] = [];
  // A watch that begins with what there is asks for initial events by default. Source: SetListOptionsDefaults.
  const fromNow = match === '' && sendInitialEvents === undefined && (resourceVersion === '' || resourceVersion === '0');
  if (fromNow && token !== '') errors.push(forbidden('resourceVersionMatch', CONTINUE_WITH_MATCH));
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match !== '') {
    if (sendInitialEvents === undefined) {
      errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    }
    if (match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
    if (token !== '') errors.push(forbidden('resourceVersionMatch', CONTINUE_WITH_MATCH));
  }
  return errors;
}
