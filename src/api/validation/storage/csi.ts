// CSIDrivers, CSINodes and VolumeAttachments. Source: storage validation.go.
import type {
  CSIDriver,
  CSIDriverSpec,
  CSINode,
  CSINodeDriver,
  TokenRequest,
  VolumeAttachment,
  VolumeError,
} from '../../gen/storage-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { inclusiveRange, qualifiedName } from '#apimachinery/names.ts';
import { validateCsiDriverName } from '../core/volume-kinds.ts';
import { validateVolumeSpec } from '../core/volume-spec.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, entries, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
const GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'];
const LIFECYCLE_MODES = ['Persistent', 'Ephemeral'];
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
const MIN_UPDATE_SECONDS = 10;

export function validateCsiDriver(out: Problems, driver: CSIDriver): void {
  validateObjectMeta(out, driver.metadata, 'cluster', subdomainName);
  validateDriverSpec(out, driver.spec);
}

export function validateCsiDriverUpdate(out: Problems, driver: CSIDriver, old: CSIDriver): void {
  validateObjectMetaUpdate(out, driver.metadata, old.metadata);
  validateDriverSpec(out, driver.spec);
  const [spec, before] = [driver.spec, old.spec];
  out.immutable(SPEC.child('attachedRequired'), spec.attachRequired, spec.attachRequired === before.attachRequired);
  const modes = spec.volumeLifecycleModes;
  out.immutable(SPEC.child('volumeLifecycleModes'), modes, semanticEqual(modes, before.volumeLifecycleModes));
}

function validateDriverSpec(out: Problems, spec: Partial<CSIDriverSpec>): void {
  if (spec.attachRequired === undefined) out.required(SPEC.child('attachedRequired'));
  if (spec.podInfoOnMount === undefined) out.required(SPEC.child('podInfoOnMount'));
  if (spec.storageCapacity === undefined) out.required(SPEC.child('storageCapacity'));
  if (spec.fsGroupPolicy !== undefined) out.oneOf(SPEC.child('fsGroupPolicy'), spec.fsGroupPolicy, GROUP_POLICIES);
  const tokens = spec.tokenRequests ?? [];
  validateTokens(out, SPEC.child('tokenRequests'), tokens);
  for (const mode of spec.volumeLifecycleModes ?? []) out.oneOf(SPEC.child('volumeLifecycleModes'), mode, LIFECYCLE_MODES);
  if (spec.seLinuxMount === undefined) out.required(SPEC.child('seLinuxMount'));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < MIN_UPDATE_SECONDS)
    out.invalid(SPEC.child('nodeAllocatableUpdatePeriodSeconds'), period, 'must be greater than or equal to 10 seconds');
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && tokens.length === 0) {
    const detail = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    out.invalid(SPEC.child('serviceAccountTokenInSecrets'), inSecrets, detail);
  }
}

function validateTokens(out: Problems, at: Path, tokens: readonly TokenRequest[]): void {
  const seen = new Set<string>();
  tokens.forEach(({ audience, expirationSeconds: seconds }, i) => {
    const path = at.index(i);
    if (seen.has(audience)) return out.duplicate(path.child('audience'), audience);
    seen.add(audience);
    if (seconds === undefined) return undefined;
    const where = path.child('expirationSeconds');
    if (seconds < MIN_TOKEN_SECONDS) out.invalid(where, seconds, 'may not specify a duration less than 10 minutes');
    if (seconds > MAX_TOKEN_SECONDS) out.invalid(where, seconds, 'may not specify a duration larger than 2^32 seconds');
    return undefined;
  });
}

const MAX_NODE_ID_BYTES = 256;

export function validateCsiNode(out: Problems, node: CSINode): void {
  validateObjectMeta(out, node.metadata, 'cluster', subdomainName);
  const seen = new Set<string>();
  (node.spec?.drivers ?? []).forEach((driver, i) => {
    const at = SPEC.child('drivers').index(i);
    validateNodeDriver(out, at, driver);
    if (seen.has(driver.name)) out.duplicate(at.child('name'), driver.name);
    seen.add(driver.name);
  });
}

function validateNodeDriver(out: Problems, at: Path, { name, nodeID, allocatable, topologyKeys = [] }: Partial<CSINodeDriver>): void {
  validateCsiDriverName(out, at.child('name'), name);
  if (blank(nodeID)) out.required(at.child('nodeID'));
  else if (byteLength(nodeID) > MAX_NODE_ID_BYTES)
    out.invalid(at.child('nodeID'), nodeID, `must be ${MAX_NODE_ID_BYTES} characters or less`);
  out.nonNegative(at.child('allocatable', 'count'), allocatable?.count);
  const seen = new Set<string>();
  for (const key of topologyKeys ?? []) {
    if (key === '') out.required(at);
    if (seen.has(key)) out.duplicate(at, key);
    seen.add(key);
    out.each(at, key, qualifiedName(key));
  }
}

/** What a driver on a node is, apart from how much it can take. */
function identity({ name, nodeID, topologyKeys }: CSINodeDriver): object {
  return { Name: name, NodeID: nodeID, TopologyKeys: topologyKeys ?? null, Allocatable: null };
}

export function validateCsiNodeUpdate(out: Problems, node: CSINode, old: CSINode): void {
  validateCsiNode(out, node);
  for (const before of old.spec?.drivers ?? []) {
    for (const now of node.spec?.drivers ?? []) {
      if (before.name === now.name) out.immutable(SPEC.child('drivers'), identity(now), semanticEqual(identity(now), identity(before)));
    }
  }
}

const MAX_ATTACHMENT_BYTES = 256 * 1024;
const MAX_ERROR_BYTES = 1024;
const MAX_INT32 = 2_147_483_647;

export function validateVolumeAttachment(out: Problems, attachment: VolumeAttachment): void {
  validateObjectMeta(out, attachment.metadata, 'cluster', subdomainName);
  const { attacher, nodeName = '', source } = attachment.spec as Partial<VolumeAttachment['spec']>;
  validateCsiDriverName(out, SPEC.child('attacher'), attacher);
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = source ?? {};
  const at = SPEC.child('source');
  if (inline === undefined && name === undefined) out.required(at, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName');
  else if (inline !== undefined && name !== undefined)
    out.forbidden(at, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName');
  else if (name === '') out.required(at.child('persistentVolumeName'), 'must specify non empty persistentVolumeName');
  else if (inline !== undefined) validateVolumeSpec(out, at.child('inlineVolumeSpec'), inline, { inline: true });
  out.each(SPEC.child('nodeName'), nodeName, subdomainName(nodeName, false));
  validateAttachmentStatus(out, attachment);
  if (name !== undefined) out.each(Path.of('spec.source.persistentVolumeName'), name, subdomainName(name, false));
}

function validateAttachmentStatus(out: Problems, { status }: VolumeAttachment): void {
  let bytes = 0;
  for (const [key, value] of entries(status?.attachmentMetadata)) bytes += byteLength(key) + byteLength(value);
  if (bytes > MAX_ATTACHMENT_BYTES) out.tooLong(STATUS.child('attachmentMetadata'), MAX_ATTACHMENT_BYTES);
  validateError(out, STATUS.child('attachError'), status?.attachError);
  validateError(out, STATUS.child('detachError'), status?.detachError);
}

function validateError(out: Problems, at: Path, error: VolumeError | undefined): void {
  // The limit upstream names in its text is another than the one it applies.
  if (byteLength(error?.message ?? '') > MAX_ERROR_BYTES) out.tooLong(at.child('message'), MAX_ATTACHMENT_BYTES);
  const code = error?.errorCode;
  if (code !== undefined && code < 0) out.invalid(at.child('errorCode'), code, inclusiveRange(0, MAX_INT32));
}

export function validateVolumeAttachmentUpdate(out: Problems, attachment: VolumeAttachment, old: VolumeAttachment): void {
  validateVolumeAttachment(out, attachment);
  const { attacher, source, nodeName } = attachment.spec;
  const shown = {
    Attacher: attacher,
    Source: { PersistentVolumeName: source.persistentVolumeName ?? null, InlineVolumeSpec: source.inlineVolumeSpec ?? null },
    NodeName: nodeName,
  };
  out.immutable(SPEC, shown, semanticEqual(attachment.spec, old.spec));
}
