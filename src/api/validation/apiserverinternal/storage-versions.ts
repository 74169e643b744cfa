// StorageVersions. Source: apiserverinternal validation.go.
import type {
  ServerStorageVersion,
  StorageVersion,
  StorageVersionCondition,
  StorageVersionStatus,
} from '../../gen/apiserverinternal-v1alpha1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { dns1035Label, dns1123Subdomain, EMPTY, regexError } from '#apimachinery/names.ts';
import { validateLabelKey } from '../label-selectors.ts';
import { validateObjectMeta, type NameCheck } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const STATUS = Path.of('status');

export function validateStorageVersion(out: Problems, version: StorageVersion): void {
  validateObjectMeta(out, version.metadata, 'cluster', storageVersionName);
  validateStatus(out, version.status);
}

export function validateStorageVersionStatusUpdate(out: Problems, version: StorageVersion): void {
  validateStatus(out, version.status);
}

/** `apps.deployments`; `core.pods`. Source: ValidateStorageVersionName. */
const storageVersionName: NameCheck = (name) => {
  const dot = name.lastIndexOf('.');
  if (dot < 0) return ['name must be in the form of <group>.<resource>'];
  return [
    ...dns1123Subdomain(name.slice(0, dot)).map((why) => `the group segment ${why}`),
    ...dns1035Label(name.slice(dot + 1)).map((why) => `the resource segment ${why}`),
  ];
};

function validateStatus(out: Problems, status: StorageVersionStatus): void {
  const { storageVersions = [], conditions = [] } = status;
  const servers = new Set<string>();
  storageVersions.forEach((server, i) => {
    const at = STATUS.child('storageVersions').index(i);
    const { apiServerID = '' } = server as Partial<ServerStorageVersion>;
    if (servers.has(apiServerID)) out.duplicate(at.child('apiServerID'), apiServerID);
    servers.add(apiServerID);
    validateServer(out, at, server);
  });
  validateCommonVersion(out, status);
  validateConditions(out, conditions);
}

function validateServer(out: Problems, at: Path, server: Partial<ServerStorageVersion>): void {
  const { apiServerID = '', encodingVersion = '', decodableVersions = [], servedVersions = [] } = server;
  const version = (path: Path, value: string): void => {
    const problems = apiVersionProblems(value);
    if (problems.length > 0) out.invalid(path, value, problems.join(','));
  };
  const decodable = at.child('decodableVersions');
  out.each(at.child('apiServerID'), apiServerID, dns1123Subdomain(apiServerID));
  version(at.child('encodingVersion'), encodingVersion);
  decodableVersions.forEach((value, i) => version(decodable.index(i), value));
  if (!decodableVersions.includes(encodingVersion))
    out.invalid(decodable, decodableVersions, `decodableVersions must include encodingVersion ${encodingVersion}`);
  servedVersions.forEach((value, i) => {
    const path = at.child('servedVersions').index(i);
    version(path, value);
    if (decodableVersions.includes(value)) return;
    const shown = `[${decodableVersions.join(' ')}]`;
    out.invalid(path, value, `individual served version : ${value} must be included in decodableVersions : ${shown}`);
  });
}

/** The version all servers write is told where there is one, and only there. */
function validateCommonVersion(out: Problems, { storageVersions = [], commonEncodingVersion: said }: StorageVersionStatus): void {
  const [first] = storageVersions;
  const common = storageVersions.every(({ encodingVersion }) => encodingVersion === first?.encodingVersion)
    ? first?.encodingVersion
    : undefined;
  const at = STATUS.child('commonEncodingVersion');
  if (common === said) return;
  if (common === undefined) {
    return out.invalid(
      at,
      said,
      'should be nil if servers do not agree on the same encoding version, or if there is no server reporting the supported versions yet',
    );
  }
  if (said === undefined) return out.invalid(at, null, `the common encoding version is ${common}`);
  out.invalid(at, said, `the actual common encoding version is ${common}`);
}

/** The paths lack the name of the list, as upstream's do. */
function validateConditions(out: Problems, conditions: readonly Partial<StorageVersionCondition>[]): void {
  const first = new Map<string, number>();
  conditions.forEach(({ type = '', status, reason, message }, i) => {
    const at = STATUS.index(i);
    const before = first.get(type);
    if (before !== undefined)
      out.invalid(at.child('type'), type, `the type of the condition is not unique, it also appears in conditions[${before}]`);
    first.set(type, i);
    validateLabelKey(out, at.child('type'), type);
    validateLabelKey(out, at.child('status'), status);
    if (blank(reason)) out.required(at.child('reason'), 'reason cannot be empty');
    if (blank(message)) out.required(at.child('message'), 'message cannot be empty');
  });
}

const LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const LABEL_FORM =
  "a DNS-1035 label, which must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";

/** `v1`, `apps/v1`. Source: isValidAPIVersion. */
function apiVersionProblems(value: string): readonly string[] {
  const parts = value.split('/');
  if (parts.length > 2) {
    const form = regexError(LABEL_FORM, LABEL, 'my-name', 'abc-123');
    return [`an apiVersion is ${form} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyVersion')`];
  }
  const version = parts.at(-1) as string;
  const part = (name: string, text: string, check: (text: string) => readonly string[]): readonly string[] =>
    (text === '' ? [EMPTY] : check(text)).map((why) => `${name} part: ${why}`);
  return [...(parts.length === 2 ? part('group', parts[0] as string, dns1123Subdomain) : []), ...part('version', version, dns1035Label)];
}
