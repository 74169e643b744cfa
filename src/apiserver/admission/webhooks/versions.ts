// A write in the versions that webhooks want to see it in. Source: admission VersionedAttributes, runtime EquivalentResourceMapper.
import { applyDefaults } from '#api/defaults.ts';
import { unknownConversion } from '#api/decode-body.ts';
import { decodeKind, isCustomType } from '#api/decode-kind.ts';
import type { Schema } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { internalError } from '#apimachinery/errors.ts';
import { parseApiVersion, type GroupVersionKind, type GroupVersionResource } from '#apimachinery/resource.ts';
import type { Catalog, ServedResource } from '../../registry/catalog.ts';
import type { AdmissionAttributes } from '../contract.ts';

/** One way to show a write: as the client made it, or as an equivalent resource of another version or group. */
export interface Form {
  readonly resource: GroupVersionResource;
  readonly kind: GroupVersionKind;
}

interface Equivalent extends Form {
  readonly served: ServedResource;
}

const gvr = ({ group, version, resource }: GroupVersionResource): GroupVersionResource => ({ group, version, resource });
const gvk = ({ group, version, kind }: GroupVersionKind): GroupVersionKind => ({ group, version, kind });

const sameKind = (a: GroupVersionKind, b: GroupVersionKind): boolean => a.group === b.group && a.version === b.version && a.kind === b.kind;

export class Versions {
  readonly #catalog: Catalog;
  readonly #schema: Schema;
  #generation = -1;
  /** By `group/version/resource/subresource`: the other forms, in the order of discovery. */
  #equivalents = new Map<string, readonly Equivalent[]>();

  constructor(catalog: Catalog, schema: Schema) {
    this.#catalog = catalog;
    this.#schema = schema;
  }

  /** As the client made it: plugins get objects in the stored version. */
  asMade({ resource, kind }: AdmissionAttributes): Form {
    const served = this.#catalog.find(resource);
    const isWhole = served?.stored !== undefined && sameKind(kind, served.stored.resource);
    return { resource: gvr(resource), kind: isWhole ? gvk(served.info) : gvk(kind) };
  }

  /** The same objects under other names, with the subresource. */
  equivalents(resource: GroupVersionResource, subresource: string): readonly Form[] {
    if (this.#generation !== this.#schema.generation) {
      this.#generation = this.#schema.generation;
      this.#equivalents = new Map();
    }
    const key = `${resource.group}/${resource.version}/${resource.resource}/${subresource}`;
    let found = this.#equivalents.get(key);
    if (found === undefined) this.#equivalents.set(key, (found = this.#find(resource, subresource)));
    return found;
  }

  #find(resource: GroupVersionResource, subresource: string): readonly Equivalent[] {
    const own = this.#catalog.find(resource);
    if (own?.stored === undefined) return [];
    const { cache } = own.stored;
    return [...this.#catalog.resources()]
      .filter((served) => served !== own && served.stored?.cache === cache && served.hidden !== true)
      .flatMap((served) => {
        const kind = subresource === '' ? served.info : served.info.subresources.get(subresource)?.kind;
        return kind === undefined ? [] : [{ resource: gvr(served.info), kind: gvk(kind), served }];
      });
  }

  /** `object` of the write, which is in the version plugins get, in that of `form`. */
  async shown(object: KubeObject, attributes: AdmissionAttributes, form: Form): Promise<KubeObject> {
    const pair = this.#whole(form, attributes);
    if (pair === undefined) return object;
    const { own, other } = pair;
    const custom = own.stored?.form;
    if (custom === undefined) return other.conversion?.toServed(object) ?? object;
    return own === other ? object : converted(await custom.convert(object, other.apiVersion, attributes.request.signal), other);
  }

  /** The inverse of `shown`. */
  async taken(object: KubeObject, attributes: AdmissionAttributes, form: Form): Promise<KubeObject> {
    const pair = this.#whole(form, attributes);
    if (pair === undefined) return object;
    const { own, other } = pair;
    const custom = other.stored?.form;
    if (custom === undefined) return other.conversion?.toStored(object) ?? object;
    return own === other ? object : converted(await custom.convert(object, own.apiVersion, attributes.request.signal), own);
  }

  /** A patched object, canonical and with defaults, in the version of `form`. @throws DecodeError */
  complete(value: unknown, { kind }: Form, now: number): KubeObject {
    const schema = this.#schema.kind(kind);
    if (schema === undefined) throw new Error(`no kind ${kind.kind} is registered for version ${kind.group}/${kind.version}`);
    const { object } = decodeKind<KubeObject>(value, schema, { fieldValidation: 'Ignore' });
    const actual = { ...parseApiVersion(object.apiVersion), kind: object.kind };
    // What a custom object says it is, its validation judges.
    if (!isCustomType(schema) && !sameKind(actual, kind)) throw unknownConversion(actual, kind);
    return applyDefaults(object, schema, now);
  }

  /** The resources of both forms when the write is about whole stored objects: those alone have versions. */
  #whole(
    { resource }: Form,
    attributes: AdmissionAttributes,
  ): { readonly own: ServedResource; readonly other: ServedResource } | undefined {
    const own = this.#catalog.find(attributes.resource);
    const other = this.#catalog.find(resource);
    if (own?.stored === undefined || other === undefined || !sameKind(attributes.kind, own.stored.resource)) return undefined;
    return { own, other };
  }
}

function converted(object: KubeObject | undefined, { apiVersion, info }: ServedResource): KubeObject {
  if (object === undefined) throw internalError(new Error(`unable to convert to ${apiVersion}, Kind=${info.kind}: unknown kind`));
  return object;
}
