// Events of both groups: the core form and the one of events.k8s.io. Source: core validation events.go.
import type { Event as CoreEvent } from '../../gen/core-v1.ts';
import type { Event as NewEvent } from '../../gen/events-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { dns1123Subdomain, qualifiedName } from '#apimachinery/names.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const MAX_INSTANCE = 128;
const MAX_ACTION = 128;
const MAX_REASON = 128;
const MAX_NOTE = 1024;

/** What both forms say, under one name. */
interface Common {
  readonly namespace: string;
  readonly involvedNamespace: string;
  readonly eventTime: string | null | undefined;
  readonly reportingController: string;
  readonly controllerField: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly message: string;
}

const EMPTY_NAMESPACE_IS_DEFAULT = 'does not match event.namespace';

/** Source: legacyValidateEvent. */
function validateCommon(out: Problems, event: Common): void {
  const { namespace, involvedNamespace: involved } = event;
  const involvedAt = Path.of('involvedObject', 'namespace');
  if (event.eventTime === undefined || event.eventTime === null) {
    const matches = involved === '' ? namespace === '' || namespace === 'default' : namespace === involved;
    if (!matches) out.invalid(involvedAt, involved, EMPTY_NAMESPACE_IS_DEFAULT);
  } else {
    if (involved === '' && namespace !== 'default' && namespace !== 'kube-system')
      out.invalid(involvedAt, involved, EMPTY_NAMESPACE_IS_DEFAULT);
    const controllerAt = Path.of(event.controllerField);
    if (event.reportingController === '') out.required(controllerAt);
    out.each(controllerAt, event.reportingController, qualifiedName(event.reportingController));
    const limited = [
      ['reportingInstance', event.reportingInstance, MAX_INSTANCE, true],
      ['action', event.action, MAX_ACTION, true],
      ['reason', event.reason, MAX_REASON, true],
      ['message', event.message, MAX_NOTE, false],
    ] as const;
    for (const [member, value, max, needed] of limited) {
      if (needed && value === '') out.required(Path.of(member));
      if (byteLength(value) > max) out.invalid(Path.of(member), '', `can have at most ${max} characters`);
    }
  }
  out.each(Path.of('namespace'), namespace, dns1123Subdomain(namespace));
}

export function validateCoreEvent(out: Problems, event: CoreEvent): void {
  validateCommon(out, {
    namespace: event.metadata.namespace ?? '',
    involvedNamespace: event.involvedObject?.namespace ?? '',
    eventTime: event.eventTime,
    reportingController: event.reportingComponent ?? '',
    controllerField: 'reportingComponent',
    reportingInstance: event.reportingInstance ?? '',
    action: event.action ?? '',
    reason: event.reason ?? '',
    message: event.message ?? '',
  });
}

function validateNewCommon(out: Problems, event: NewEvent): void {
  validateCommon(out, {
    namespace: event.metadata.namespace ?? '',
    involvedNamespace: event.regarding?.namespace ?? '',
    eventTime: event.eventTime,
    reportingController: event.reportingController ?? '',
    controllerField: 'reportingController',
    reportingInstance: event.reportingInstance ?? '',
    action: event.action ?? '',
    reason: event.reason ?? '',
    message: event.note ?? '',
  });
}

function validateSeries(out: Problems, { series }: NewEvent): void {
  if (series === undefined) return;
  if ((series.count ?? 0) < 2) out.invalid(Path.of('series.count'), '', 'should be at least 2');
  if (series.lastObservedTime === undefined || series.lastObservedTime === null) out.required(Path.of('series.lastObservedTime'));
}

export function validateNewEvent(out: Problems, event: NewEvent): void {
  validateNewCommon(out, event);
  validateObjectMeta(out, event.metadata, 'namespaced', subdomainName);
  validateSeries(out, event);
  if (event.eventTime === undefined || event.eventTime === null) out.required(Path.of('eventTime'));
  if (event.type !== 'Normal' && event.type !== 'Warning') out.invalid(Path.of('type'), '', `has invalid value: ${event.type ?? ''}`);
  const unset = 'needs to be unset';
  if ((event.deprecatedFirstTimestamp ?? null) !== null) out.invalid(Path.of('firstTimestamp'), '', unset);
  if ((event.deprecatedLastTimestamp ?? null) !== null) out.invalid(Path.of('lastTimestamp'), '', unset);
  if ((event.deprecatedCount ?? 0) !== 0) out.invalid(Path.of('count'), '', unset);
  if (!blank(event.deprecatedSource?.component) || !blank(event.deprecatedSource?.host)) out.invalid(Path.of('source'), '', unset);
}

/**
 * Members of the new form and the names upstream's messages use, in its order. The note is not among them, although
 * ValidateEventUpdate lists it: conformance patches it. Source: e2e instrumentation events.go.
 */
const FIXED: readonly (readonly [keyof NewEvent, string])[] = [
  ['regarding', 'involvedObject'],
  ['reason', 'reason'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['reason', 'reason'],
  ['type', 'type'],
  ['eventTime', 'eventTime'],
  ['action', 'action'],
  ['related', 'related'],
  ['reportingController', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
];

const TIMES: ReadonlySet<string> = new Set(['eventTime', 'deprecatedFirstTimestamp', 'deprecatedLastTimestamp']);

/** What upstream prints of a member: references and sources by their internal types, in full. */
function internalForm(member: keyof NewEvent, value: unknown): unknown {
  const of = value as Readonly<Record<string, string>> | undefined;
  const part = (name: string): string => of?.[name] ?? '';
  if (member === 'deprecatedSource') return { Component: part('component'), Host: part('host') };
  if (member === 'regarding' || (member === 'related' && value !== undefined)) {
    return {
      Kind: part('kind'),
      Namespace: part('namespace'),
      Name: part('name'),
      UID: part('uid'),
      APIVersion: part('apiVersion'),
      ResourceVersion: part('resourceVersion'),
      FieldPath: part('fieldPath'),
    };
  }
  if (member === 'deprecatedCount') return value ?? 0;
  return value ?? (TIMES.has(member) || member === 'related' ? null : '');
}

export function validateNewEventUpdate(out: Problems, event: NewEvent, old: NewEvent): void {
  validateNewCommon(out, event);
  validateObjectMetaUpdate(out, event.metadata, old.metadata);
  if (!deepEqual(event.series, old.series)) validateSeries(out, event);
  for (const [member, name] of FIXED) {
    const same = deepEqual(event[member] ?? null, old[member] ?? null);
    out.immutable(Path.of(name), internalForm(member, event[member]), same);
  }
}
