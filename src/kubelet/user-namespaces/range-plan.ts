// Ranges of the host's user and group ids that pods with user namespaces of their own get.
import type { Input } from '#cri/contract.ts';
import type { UserNamespace } from '#cri/gen/objects.ts';

/** Ids a pod gets, which is also the first id given away: 0 is never mapped. Source: DefaultKubeletUserNamespacesIDsPerPod. */
const IDS_PER_POD = 65_536;

/** A pod's range: ids 0 to 65535 in the pod are `first` and so on outside. */
export interface IdRange {
  /** A multiple of 65536, at least that. */
  readonly first: number;
}

/** What lies in a pod's directory: one mapping, the same for users and groups. */
interface Mappings {
  readonly uidMappings: readonly Mapping[];
  readonly gidMappings: readonly Mapping[];
}

interface Mapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

/** A file of mappings that nobody here wrote; the message is upstream's. */
export class MappingsError extends Error {
  override readonly name = 'MappingsError';
}

/** The lowest free range; undefined when all `count` are taken. */
export function nextRange(taken: Iterable<IdRange>, count: number): IdRange | undefined {
  const firsts = new Set(Array.from(taken, ({ first }) => first));
  for (let index = 1; index <= count; index++) if (!firsts.has(index * IDS_PER_POD)) return { first: index * IDS_PER_POD };
  return undefined;
}

export function writeMappings({ first }: IdRange): string {
  const mapping: Mapping = { hostId: first, containerId: 0, length: IDS_PER_POD };
  const mappings: Mappings = { uidMappings: [mapping], gidMappings: [mapping] };
  return JSON.stringify(mappings);
}

/** @throws MappingsError; Source: parseUserNsFileAndRecord */
export function readMappings(text: string): IdRange {
  const { uidMappings = [], gidMappings = [] } = parse(text);
  const [uid, ...more] = uidMappings;
  const [gid] = gidMappings;
  if (uid === undefined || more.length > 0)
    throw new MappingsError('invalid user namespace configuration: no more than one mapping allowed.');
  if (gid === undefined || gidMappings.length !== 1 || uid.hostId !== gid.hostId || uid.length !== gid.length) {
    throw new MappingsError('invalid user namespace configuration: GID and UID mapping should be identical');
  }
  if (uid.containerId !== 0) throw new MappingsError('invalid user namespace configuration: UID 0 must be mapped');
  if (gid.containerId !== 0) throw new MappingsError('invalid user namespace configuration: GID 0 must be mapped');
  if (uid.length !== IDS_PER_POD) throw new MappingsError(`wrong user namespace length ${uid.length}`);
  if (!Number.isSafeInteger(uid.hostId) || uid.hostId < IDS_PER_POD || uid.hostId % IDS_PER_POD !== 0) {
    throw new MappingsError(`wrong user namespace offset specified ${uid.hostId}`);
  }
  return { first: uid.hostId };
}

function parse(text: string): Partial<Mappings> {
  try {
    return JSON.parse(text) as Partial<Mappings>;
  } catch (error) {
    throw new MappingsError(`invalid user namespace mappings file: ${(error as Error).message}`, { cause: error });
  }
}

/** As CRI wants it; undefined stands for the node's ids. */
export function userNamespace(range: IdRange | undefined): Input<UserNamespace> {
  if (range === undefined) return { mode: 'NODE' };
  const mappings = [{ hostId: range.first, containerId: 0, length: IDS_PER_POD }];
  return { mode: 'POD', uids: mappings, gids: mappings };
}
