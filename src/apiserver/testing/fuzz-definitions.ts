// Definitions of custom resources with schemas at random, and objects that fit them, or almost.
import type { Ids } from '#base/ids.ts';

type Json = Record<string, unknown>;

const GROUP = 'fuzz.example.com';
/** Few, so that they are made, changed and removed again and again. */
const PLURALS = ['reds', 'greens', 'blues'];
const MAX_DEPTH = 4;
const FORMATS = ['date-time', 'ipv4', 'byte', 'uuid', 'duration', 'int32', 'x'];
const PATTERNS = ['^[a-z]+$', '^(a|b)*$', '(', '^.{0,5}$'];
const RULES = [
  'self == self',
  'self == oldSelf',
  'size(self) < 5',
  'self.a == 1',
  'has(self.a) && self.a != ""',
  'self.all(x, x != "")',
  '1/0 == 1',
  'self.',
  'true',
  '',
];
const MEMBERS = ['a', 'b', 'size', 'items', 'x-y', '$ref', '__proto__'];

/** `things` are of the kind Thing. */
const kindOf = (plural: string): string => `${plural[0]?.toUpperCase()}${plural.slice(1, -1)}`;

export class Definitions {
  readonly #ids: Ids;
  /** Of the latest definition of each, accepted or not. */
  readonly #schemas = new Map<string, Json>();

  constructor(ids: Ids) {
    this.#ids = ids;
  }

  /** A path and a body that define one, or change it. */
  definition(): { readonly method: string; readonly path: string; readonly type: string; readonly body: unknown } {
    const plural = this.#pick(PLURALS);
    const collection = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const single = `${collection}/${plural}.${GROUP}`;
    if (this.#chance(0.15)) return { method: 'DELETE', path: single, type: 'application/json', body: undefined };
    const schema = { type: 'object', properties: { spec: this.#schema(0), status: { type: 'object', ...this.#schema(2) } } };
    this.#schemas.set(plural, schema);
    const object = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${GROUP}` },
      spec: {
        group: GROUP,
        scope: this.#pick(['Namespaced', 'Namespaced', 'Cluster']),
        names: { plural, kind: kindOf(plural), shortNames: this.#chance(0.2) ? ['r'] : [] },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: schema },
            ...(this.#chance(0.5) ? { subresources: { status: {} } } : {}),
            ...(this.#chance(0.3) ? { selectableFields: [{ jsonPath: this.#pick(['.spec.a', '.spec.size', '.x', 'y']) }] } : {}),
            ...(this.#chance(0.3)
              ? {
                  additionalPrinterColumns: [
                    { name: 'A', type: this.#pick(['string', 'date', 'x']), jsonPath: this.#pick(['.spec.a', '.spec[*', '']) },
                  ],
                }
              : {}),
          },
          ...(this.#chance(0.2) ? [{ name: 'v1beta1', served: true, storage: false, schema: { openAPIV3Schema: schema } }] : []),
        ],
      },
    };
    if (this.#chance(0.5)) return { method: 'POST', path: collection, type: 'application/json', body: object };
    return { method: 'PATCH', path: `${single}?fieldManager=fuzz&force=true`, type: 'application/apply-patch+yaml', body: object };
  }

  /** An object of one that is, or was, defined. */
  object(name: string): { readonly collection: string; readonly object: Json } {
    const plural = this.#pick(PLURALS);
    const version = this.#chance(0.9) ? 'v1' : 'v1beta1';
    const value = this.#value(this.#schemas.get(plural) ?? {}, 0);
    return {
      collection: `/apis/${GROUP}/${version}${this.#chance(0.8) ? '/namespaces/default' : ''}/${plural}`,
      object: {
        ...(typeof value === 'object' && value !== null ? value : { spec: value }),
        apiVersion: `${GROUP}/${version}`,
        kind: kindOf(plural),
        metadata: { name },
      },
    };
  }

  #schema(depth: number): Json {
    const schema = { ...this.#shape(depth) };
    if (this.#chance(0.15)) schema['nullable'] = true;
    if (this.#chance(0.15)) schema['default'] = this.#value(schema, 0);
    if (this.#chance(0.1)) schema['enum'] = [this.#value(schema, 0), this.#value(schema, 0)];
    if (this.#chance(0.15))
      schema['x-kubernetes-validations'] = [
        { rule: this.#pick(RULES), ...(this.#chance(0.3) ? { messageExpression: this.#pick(['"a" + "b"', 'self', '1']) } : {}) },
      ];
    if (this.#chance(0.05))
      schema[this.#pick(['$ref', 'oneOf', 'not', 'uniqueItems', 'additionalItems'])] = this.#pick([true, [{}], {}, 'x']);
    return schema;
  }

  #shape(depth: number): Json {
    const kinds = depth >= MAX_DEPTH ? SCALARS : [...SCALARS, 'object', 'object', 'array', 'map', 'free', 'embedded'];
    const kind = this.#pick(kinds);
    switch (kind) {
      case 'string':
        return {
          type: 'string',
          ...(this.#chance(0.2) ? { format: this.#pick(FORMATS) } : {}),
          ...(this.#chance(0.2) ? { pattern: this.#pick(PATTERNS) } : {}),
          ...(this.#chance(0.2) ? { maxLength: this.#pick([0, 5, -1]) } : {}),
        };
      case 'integer':
      case 'number':
        return {
          type: kind,
          ...(this.#chance(0.3) ? { minimum: 0, maximum: this.#pick([1, 1e9, -5]), multipleOf: this.#pick([1, 3, 0]) } : {}),
        };
      case 'intOrString':
        return { 'x-kubernetes-int-or-string': true };
      case 'array': {
        const items = this.#schema(depth + 1);
        return {
          type: 'array',
          items,
          ...(this.#chance(0.3) ? { 'x-kubernetes-list-type': this.#pick(['set', 'map', 'atomic', 'x']) } : {}),
        };
      }
      case 'object': {
        const properties = Object.fromEntries(
          Array.from({ length: 1 + Math.floor(this.#ids.fraction() * 4) }, () => [this.#pick(MEMBERS), this.#schema(depth + 1)]),
        );
        return { type: 'object', properties, ...(this.#chance(0.3) ? { required: [this.#pick(MEMBERS)] } : {}) };
      }
      case 'map':
        return { type: 'object', additionalProperties: this.#schema(depth + 1) };
      case 'free':
        return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
      case 'embedded':
        return { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true };
      default:
        return { type: kind };
    }
  }

  #value(schema: Json, depth: number): unknown {
    if (this.#chance(0.05)) return this.#pick([null, 'x', 1, [], {}, { a: { b: [null] } }]);
    if (depth > MAX_DEPTH) return {};
    switch (schema['type']) {
      case 'string':
        return this.#pick(['', 'a', 'b', '2026-01-01T00:00:00Z', 'x'.repeat(50)]);
      case 'integer':
        return this.#pick([0, 1, 3, -1, 2 ** 31]);
      case 'number':
        return this.#pick([0, 1.5, -2, 1e300]);
      case 'boolean':
        return this.#chance(0.5);
      case 'array':
        return Array.from({ length: Math.floor(this.#ids.fraction() * 4) }, () => this.#value(schema['items'] as Json, depth + 1));
      case 'object': {
        const members = Object.entries((schema['properties'] ?? {}) as Record<string, Json>).filter(() => this.#chance(0.8));
        const more = schema['additionalProperties'] as Json | undefined;
        return {
          ...Object.fromEntries(members.map(([name, inner]) => [name, this.#value(inner, depth + 1)])),
          ...(more === undefined ? {} : { k: this.#value(more, depth + 1) }),
          ...(schema['x-kubernetes-embedded-resource'] === true ? { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } } : {}),
          ...(this.#chance(0.1) ? { unknown: 1 } : {}),
        };
      }
      default:
        return this.#pick([1, 'a', {}]);
    }
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#ids.fraction() * choices.length)] as T;
  }

  #chance(likely: number): boolean {
    return this.#ids.fraction() < likely;
  }
}

const SCALARS = ['string', 'string', 'integer', 'number', 'boolean', 'intOrString'];
