// The extenders of a KubeSchedulerConfiguration, checked and defaulted. Source: apis/config/v1 Extender,
// apis/config/validation validateExtenders.
import type { Reader } from '#apimachinery/configuration-reader.ts';
import { invalid } from '#apimachinery/field-errors.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import type { ExtenderConfig, ExtenderTls } from '../extenders/http-extender.ts';
import { isExtendedResource } from '../state/resource-table.ts';

export interface ReadExtenders {
  readonly extenders: readonly ExtenderConfig[];
  /** Extended resources whose amounts only extenders know. */
  readonly ignoredResources: readonly string[];
}

/** Milliseconds. Source: DefaultExtenderTimeout. */
const DEFAULT_TIMEOUT_MS = 5000;

export function readExtenders(list: Reader): ReadExtenders {
  const ignored: string[] = [];
  const managed = new Set<string>();
  const extenders = list.list((item) => readExtender(item, { ignored, managed }));
  const binders = extenders.filter(({ bindVerb }) => bindVerb !== '').length;
  if (binders > 1) list.fault(invalid(list.at, `found ${binders} extenders implementing bind`, 'only one extender can implement bind'));
  return { extenders, ignoredResources: ignored };
}

function readExtender(item: Reader, seen: { readonly ignored: string[]; readonly managed: Set<string> }): ExtenderConfig {
  item.object(
    'urlPrefix',
    'filterVerb',
    'preemptVerb',
    'prioritizeVerb',
    'weight',
    'bindVerb',
    'enableHTTPS',
    'tlsConfig',
    'httpTimeout',
    'nodeCacheCapable',
    'managedResources',
    'ignorable',
  );
  const text = (name: string): string => item.field(name).text('');
  const weight = item.field('weight');
  const prioritizeVerb = text('prioritizeVerb');
  const read = weight.integer(0);
  if (prioritizeVerb !== '' && read <= 0) weight.fault(invalid(weight.at, read, 'must have a positive weight applied to it'));
  const timeoutMs = item.field('httpTimeout').duration(0);
  return {
    urlPrefix: text('urlPrefix'),
    filterVerb: text('filterVerb'),
    preemptVerb: text('preemptVerb'),
    prioritizeVerb,
    bindVerb: text('bindVerb'),
    weight: read,
    tls: readTls(item.field('tlsConfig'), item.field('enableHTTPS').flag(false)),
    timeoutMs: timeoutMs === 0 ? DEFAULT_TIMEOUT_MS : timeoutMs,
    nodeCacheCapable: item.field('nodeCacheCapable').flag(false),
    managedResources: item.field('managedResources').list((resource) => readManaged(resource, seen)),
    ignorable: item.field('ignorable').flag(false),
  };
}

function readManaged(item: Reader, { ignored, managed }: { readonly ignored: string[]; readonly managed: Set<string> }): string {
  item.object('name', 'ignoredByScheduler');
  const field = item.field('name');
  const name = field.text('');
  const problems = qualifiedName(name);
  for (const problem of problems) field.fault(invalid(field.at, name, problem));
  if (problems.length === 0 && !isExtendedResource(name)) field.fault(invalid(field.at, name, 'is an invalid extended resource name'));
  if (managed.has(name)) field.fault(invalid(field.at, name, 'duplicate extender managed resource name'));
  managed.add(name);
  if (item.field('ignoredByScheduler').flag(false)) ignored.push(name);
  return name;
}

/** HTTPS that is asked for without an authority trusts any server. Source: makeTransport. */
function readTls(tls: Reader, enableHTTPS: boolean): ExtenderTls | undefined {
  if (tls.isAbsent) return enableHTTPS ? { verify: false } : undefined;
  tls.object('insecure', 'serverName', 'certFile', 'keyFile', 'caFile', 'certData', 'keyData', 'caData');
  const text = (name: string): string | undefined => {
    const value = tls.field(name).text('');
    return value === '' ? undefined : value;
  };
  const pem = (name: 'ca' | 'cert' | 'key') => {
    const data = text(`${name}Data`);
    const file = text(`${name}File`);
    if (data !== undefined) return { pem: Buffer.from(data, 'base64').toString('utf8') };
    return file === undefined ? undefined : { file };
  };
  const [ca, certificate, key, serverName] = [pem('ca'), pem('cert'), pem('key'), text('serverName')];
  return {
    verify: !tls.field('insecure').flag(false) && !(enableHTTPS && ca === undefined),
    ...(serverName === undefined ? {} : { serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}
