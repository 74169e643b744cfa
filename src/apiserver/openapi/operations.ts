// Paths of one resource, with an operation for each verb. Pure. Source: apiserver pkg/endpoints/installer.go.
import type { ResourceInfo, SubresourceInfo } from '#api/schema.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { refTo, type Method, type Operation, type Parameter, type PathItem, type Paths } from './document.ts';
import { DELETE, DELETE_COLLECTION, GET, LIST, NAME, NAMESPACE, ownParameters, PATCH, PATH_SUFFIX, PRETTY, WRITE } from './parameters.ts';
import { bodyOf, contentOf, operationOf, pathItemOf, type OperationOwner, type OperationSpec } from './operation.ts';
import { capital, groupTag } from './tags.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

/** Component names of what a resource sends and takes. */
export interface ResourceComponents {
  readonly object: string;
  /** Undefined for resources that cannot be listed. */
  readonly list: string | undefined;
  /** Whether a DELETE answers with the object, not with a Status. */
  readonly returnsDeleted: boolean;
  readonly subresources: ReadonlyMap<string, SubresourceContent>;
}

/** What a subresource sends and takes. */
export type SubresourceContent =
  | { readonly kind: 'object'; readonly component: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'connection' };

/** `/api/v1`, `/apis/apps/v1`. */
export const rootOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`;

/** Every path of `info`, by path template. */
export function resourcePaths(info: ResourceInfo, components: ResourceComponents): Paths {
  const maker = new OperationMaker(info);
  const root = rootOf(info);
  const scope: readonly Parameter[] = info.namespaced ? [NAMESPACE] : [];
  const collection = `${root}/${info.namespaced ? 'namespaces/{namespace}/' : ''}${info.resource}`;
  const paths: Record<string, PathItem> = {};
  const add = (path: string, parameters: readonly Parameter[], operations: Partial<Record<Method, Operation>>): void => {
    if (Object.keys(operations).length > 0) paths[path] = pathItemOf(parameters, operations);
  };
  const named = [NAME(info.kind), ...scope];
  add(collection, [...scope, PRETTY], maker.collection(components));
  add(`${collection}/{name}`, [...named, PRETTY], maker.object(components.object, components.returnsDeleted));
  const everywhere = info.namespaced && components.list !== undefined && info.verbs.includes('list');
  if (everywhere) add(`${root}/${info.resource}`, [PRETTY], { get: maker.listForAllNamespaces(components.list as string) });
  if (info.verbs.includes('watch') && info.origin !== 'custom') {
    const watched = collection.replace(root, `${root}/watch`);
    add(watched, [...scope, PRETTY], { get: maker.watch('list') });
    add(`${watched}/{name}`, [...named, PRETTY], { get: maker.watch('object') });
    if (everywhere) add(`${root}/watch/${info.resource}`, [PRETTY], { get: maker.watch('list-everywhere') });
  }
  for (const subresource of info.subresources.values()) {
    const content = components.subresources.get(subresource.name) ?? { kind: 'connection' };
    const path = `${collection}/{name}/${subresource.name}`;
    const own = ownParameters(subresource.params);
    const where = [NAME(subresource.kind.kind), ...scope, ...(content.kind === 'connection' ? [] : [PRETTY])];
    add(path, [...where, ...own], maker.subresource(subresource, content, ''));
    if (subresource.pathSuffix) add(`${path}/{path}`, [...where, PATH_SUFFIX, ...own], maker.subresource(subresource, content, 'WithPath'));
  }
  return paths;
}

/** Names and tags of the operations of one resource. */
class OperationMaker {
  readonly #info: ResourceInfo;
  /** `AppsV1`. */
  readonly #prefix: string;
  /** `NamespacedDeployment`. */
  readonly #noun: string;
  readonly #owner: OperationOwner;

  constructor(info: ResourceInfo) {
    const group = groupTag(info.group);
    this.#info = info;
    this.#owner = { tag: `${group}_${info.version}`, custom: info.origin === 'custom' };
    this.#prefix = capital(group) + capital(info.version);
    this.#noun = (info.namespaced ? 'Namespaced' : '') + info.kind;
  }

  collection({ object, list }: ResourceComponents): Partial<Record<Method, Operation>> {
    const { verbs, kind } = this.#info;
    const operations: Partial<Record<Method, Operation>> = {};
    if (verbs.includes('list') && list !== undefined) {
      operations.get = this.#operation({
        action: 'list',
        operationId: `list${this.#prefix}${this.#noun}`,
        description: `List or watch objects of kind ${kind}.`,
        kind: this.#info,
        parameters: LIST,
        answer: list,
        codes: [200],
        streams: true,
      });
    }
    if (verbs.includes('create')) {
      operations.post = this.#operation({
        action: 'post',
        operationId: `create${this.#prefix}${this.#noun}`,
        description: `Create a ${kind}.`,
        kind: this.#info,
        parameters: WRITE,
        body: bodyOf(this.#owner, object),
        answer: object,
        codes: [200, 201, 202],
      });
    }
    if (verbs.includes('deletecollection')) {
      operations.delete = this.#operation({
        action: 'deletecollection',
        operationId: `delete${this.#prefix}Collection${this.#noun}`,
        description: `Delete all objects of kind ${kind} that match.`,
        kind: this.#info,
        ...(this.#owner.custom
          ? { parameters: LIST }
          : { parameters: DELETE_COLLECTION, body: bodyOf(this.#owner, `${META}DeleteOptions`), bodyOptional: true }),
        answer: `${META}Status`,
        codes: [200],
      });
    }
    return operations;
  }

  listForAllNamespaces(list: string): Operation {
    return this.#operation({
      action: 'list',
      operationId: `list${this.#prefix}${this.#info.kind}ForAllNamespaces`,
      description: `List or watch objects of kind ${this.#info.kind} in all namespaces.`,
      kind: this.#info,
      parameters: LIST,
      answer: list,
      codes: [200],
      streams: true,
    });
  }

  object(component: string, returnsDeleted: boolean): Partial<Record<Method, Operation>> {
    const { verbs } = this.#info;
    return this.#reads({ verbs, kind: this.#info, component, suffix: '', status: this.#info.kind, returnsDeleted });
  }

  /** The older paths below /watch/. */
  watch(what: 'object' | 'list' | 'list-everywhere'): Operation {
    const { kind } = this.#info;
    const noun = { object: this.#noun, list: `${this.#noun}List`, 'list-everywhere': `${kind}ListForAllNamespaces` }[what];
    return this.#operation({
      action: what === 'object' ? 'watch' : 'watchlist',
      operationId: `watch${this.#prefix}${noun}`,
      description: `Watch ${what === 'object' ? 'one object' : 'objects'} of kind ${kind}. Deprecated: list with the parameter watch instead.`,
      kind: this.#info,
      parameters: LIST,
      answer: `${META}WatchEvent`,
      codes: [200],
      streams: true,
    });
  }

  /** @param suffix `WithPath` where a path follows */
  subresource({ name, kind, verbs }: SubresourceInfo, content: SubresourceContent, suffix: string): Partial<Record<Method, Operation>> {
    const noun = capital(name);
    if (content.kind === 'connection') return this.#connections(name, kind, verbs, suffix);
    if (content.kind === 'text') {
      const operationId = `read${this.#prefix}${this.#noun}${noun}`;
      return {
        get: this.#operation({
          action: 'get',
          operationId,
          description: `Read the ${name} of a ${this.#info.kind}.`,
          kind,
          answer: undefined,
          text: true,
          codes: [200],
        }),
      };
    }
    const { component } = content;
    const operations = this.#reads({ verbs, kind, component, suffix: noun, status: `${name} of a ${this.#info.kind}` });
    if (!verbs.includes('create')) return operations;
    const post = this.#operation({
      action: 'post',
      operationId: `create${this.#prefix}${this.#noun}${noun}`,
      description: `Create the ${name} of a ${this.#info.kind}.`,
      kind,
      parameters: WRITE,
      body: bodyOf(this.#owner, component),
      answer: component,
      codes: [200, 201, 202],
    });
    return { ...operations, post };
  }

  /** get, put, patch and delete of one object or subresource. */
  #reads(one: {
    readonly verbs: readonly string[];
    readonly kind: GroupVersionKind;
    readonly component: string;
    readonly suffix: string;
    readonly status: string;
    readonly returnsDeleted?: boolean;
  }): Partial<Record<Method, Operation>> {
    const { verbs, kind, component, suffix, status, returnsDeleted = false } = one;
    const id = `${this.#prefix}${this.#noun}${suffix}`;
    const operations: Partial<Record<Method, Operation>> = {};
    if (verbs.includes('get')) {
      operations.get = this.#operation({
        action: 'get',
        operationId: `read${id}`,
        description: `Read the ${status}.`,
        kind,
        ...(this.#owner.custom ? { parameters: GET } : {}),
        answer: component,
        codes: [200],
      });
    }
    if (verbs.includes('update')) {
      const body = bodyOf(this.#owner, component);
      operations.put = this.#operation({
        action: 'put',
        operationId: `replace${id}`,
        description: `Replace the ${status}.`,
        kind,
        parameters: WRITE,
        body,
        answer: component,
        codes: [200, 201],
      });
    }
    if (verbs.includes('patch')) {
      const types = this.#owner.custom ? PATCH_TYPES.filter((type) => !type.includes('strategic')) : PATCH_TYPES;
      const body = contentOf(types, refTo(`${META}Patch`));
      operations.patch = this.#operation({
        action: 'patch',
        operationId: `patch${id}`,
        description: `Change fields of the ${status}.`,
        kind,
        parameters: PATCH,
        body,
        answer: component,
        codes: this.#owner.custom ? [200] : [200, 201],
      });
    }
    if (verbs.includes('delete')) {
      const body = bodyOf(this.#owner, `${META}DeleteOptions`);
      operations.delete = this.#operation({
        action: 'delete',
        operationId: `delete${id}`,
        description: `Delete the ${status}.`,
        kind,
        parameters: DELETE,
        body,
        bodyOptional: true,
        answer: returnsDeleted ? component : `${META}Status`,
        codes: [200, 202],
      });
    }
    return operations;
  }

  #connections(name: string, kind: GroupVersionKind, verbs: readonly string[], suffix: string): Partial<Record<Method, Operation>> {
    const operations: Partial<Record<Method, Operation>> = {};
    const methods: readonly (readonly [string, Method])[] = [
      ['get', 'get'],
      ['create', 'post'],
      ['update', 'put'],
      ['patch', 'patch'],
      ['delete', 'delete'],
      // What passes everything on passes these on too; discovery has no verb for them.
      ['update', 'head'],
      ['update', 'options'],
    ];
    for (const [verb, method] of methods) {
      if (!verbs.includes(verb)) continue;
      operations[method] = this.#operation({
        action: 'connect',
        operationId: `connect${this.#prefix}${capital(method)}${this.#noun}${capital(name)}${suffix}`,
        description: `Connect ${method.toUpperCase()} requests to the ${name} of a ${this.#info.kind}.`,
        kind,
        answer: undefined,
        codes: [200],
      });
    }
    return operations;
  }

  #operation(spec: OperationSpec): Operation {
    return operationOf(this.#owner, spec);
  }
}
