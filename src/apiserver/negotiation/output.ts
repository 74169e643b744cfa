// In which form the client wants its answer. Source: apiserver pkg/endpoints/handlers/negotiation.
import { StatusError } from '#apimachinery/errors.ts';
import { parseAccept } from '#apimachinery/media-type.ts';

export type Encoding = 'json' | 'yaml' | 'protobuf';

export const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};

/** What becomes of the objects before they are encoded. */
export type Transform = 'none' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface OutputForm {
  readonly encoding: Encoding;
  readonly transform: Transform;
  /** Version of meta.k8s.io for a transform. */
  readonly metaVersion: 'v1' | 'v1beta1';
  /** Asked for by the media type; `?pretty` and browsers decide beside it. */
  readonly pretty: boolean;
}

/** What an endpoint can do. */
export interface OutputAbilities {
  readonly encodings: readonly Encoding[];
  /** Encodings of objects as they are, where those are fewer: custom resources have no protobuf form. */
  readonly plain?: readonly Encoding[];
  /** Objects of a resource can be tables and metadata only. */
  readonly transforms: boolean;
  /** A watch cannot be YAML. */
  readonly stream: boolean;
}

/** Forms by header and abilities: clients send the same few headers for ever. At most so many, and none that is longer. */
const known = new WeakMap<OutputAbilities, Map<string, OutputForm>>();
const MAX_KNOWN = 1_000;
const MAX_LENGTH = 512;

/** @throws StatusError NotAcceptable */
export function negotiateOutput(accept: string | undefined, abilities: OutputAbilities): OutputForm {
  const header = accept ?? '';
  let forms = known.get(abilities);
  if (forms === undefined) known.set(abilities, (forms = new Map()));
  let form = forms.get(header);
  if (form === undefined) {
    form = negotiate(header, abilities);
    if (header.length <= MAX_LENGTH) {
      if (forms.size >= MAX_KNOWN) forms.clear();
      forms.set(header, form);
    }
  }
  return form;
}

/** A watch is negotiated as its objects are, and then as a stream. Source: ListResource, serveWatchHandler. */
function negotiate(header: string, abilities: OutputAbilities): OutputForm {
  const form = negotiateObjects(header, abilities);
  if (abilities.stream && form.encoding === 'yaml') throw notAcceptable(streamTypes(abilities));
  return form;
}

function negotiateObjects(header: string, abilities: OutputAbilities): OutputForm {
  if (header === '') return { encoding: 'json', transform: 'none', metaVersion: 'v1', pretty: false };
  for (const clause of parseAccept(header)) {
    for (const encoding of abilities.encodings) {
      const [type, subtype] = CONTENT_TYPES[encoding].split('/') as [string, string];
      const matches =
        (clause.type === '*' && clause.subtype === '*') || (clause.type === type && (clause.subtype === subtype || clause.subtype === '*'));
      if (!matches) continue;
      const form = accepted(clause.params, encoding, abilities);
      if (form !== undefined) return form;
    }
  }
  throw notAcceptable(abilities.encodings.map((encoding) => CONTENT_TYPES[encoding]));
}

/** Source: acceptMediaTypeOptions, RequestScope.AllowsMediaTypeTransform. */
function accepted(params: Readonly<Record<string, string>>, encoding: Encoding, abilities: OutputAbilities): OutputForm | undefined {
  const { as, g, v, stream, sv, pretty } = params;
  if (stream !== undefined && stream !== '' && stream !== 'watch') return undefined;
  if (sv !== undefined && sv !== '' && sv !== 'v1') return undefined;
  const base = { encoding, metaVersion: v === 'v1beta1' ? 'v1beta1' : 'v1', pretty: pretty === '1' } as const;
  if (as === undefined && g === undefined && v === undefined)
    return abilities.plain?.includes(encoding) === false ? undefined : { ...base, metaVersion: 'v1', transform: 'none' };
  if (!abilities.transforms || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  if (as === 'Table') return encoding === 'protobuf' ? undefined : { ...base, transform: 'Table' };
  if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { ...base, transform: as };
  return undefined;
}

const streamTypes = ({ encodings }: OutputAbilities): readonly string[] =>
  encodings.filter((encoding) => encoding !== 'yaml').map((encoding) => `${CONTENT_TYPES[encoding]};stream=watch`);

function notAcceptable(types: readonly string[]): StatusError {
  return new StatusError('NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`);
}

/** Browsers and command line tools are read by people. Source: isPrettyPrint. */
export function wantsPretty(form: OutputForm, pretty: string | undefined, userAgent: string): boolean {
  if (form.pretty) return true;
  if (pretty !== undefined && pretty !== '') return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(pretty);
  return userAgent.startsWith('curl') || userAgent.startsWith('Wget') || userAgent.startsWith('Mozilla/5.0');
}
