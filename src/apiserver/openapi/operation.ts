// One operation, from what differs between operations; the operations of one path. Pure.
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { refTo, type Content, type Method, type OpenApiSchema, type Operation, type Parameter, type PathItem } from './document.ts';

const MEDIA_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const STREAM_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
/** Of custom resources, which have no protobuf. Source: controller/openapi/builder buildRoute. */
const CUSTOM_TYPES = ['application/json', 'application/yaml'];

export interface OperationSpec {
  /** `list`, `post`, `get`, … Source: x-kubernetes-action. */
  readonly action: string;
  readonly operationId: string;
  readonly description: string;
  readonly kind: GroupVersionKind;
  readonly parameters?: readonly Parameter[];
  readonly body?: Content;
  /** Whether the body may be left out. */
  readonly bodyOptional?: true;
  /** Component of the answer; undefined for what is no object: `text`, or whatever the other end of a connection sends. */
  readonly answer: string | undefined;
  /** Whether what is no object is a text. */
  readonly text?: true;
  readonly codes: readonly (200 | 201 | 202)[];
  readonly streams?: true;
}

/** Whose operation it is: its tag, `apps_v1`, and whether the resource is custom. */
export interface OperationOwner {
  readonly tag: string;
  readonly custom: boolean;
}

const CODE_TEXT = { 200: 'OK', 201: 'Created', 202: 'Accepted' } as const;

export const contentOf = (types: readonly string[], schema: OpenApiSchema): Content =>
  Object.fromEntries(types.map((type) => [type, { schema }]));

/** What a body may be written in. */
export const bodyOf = ({ custom }: OperationOwner, component: string): Content =>
  contentOf(custom ? CUSTOM_TYPES : ['*/*'], refTo(component));

function answerTypes({ custom }: OperationOwner, streams: boolean): readonly string[] {
  if (custom) return CUSTOM_TYPES;
  return streams ? [...MEDIA_TYPES, ...STREAM_TYPES] : MEDIA_TYPES;
}

export function operationOf(
  owner: OperationOwner,
  { action, operationId, description, kind, parameters, body, bodyOptional, answer, text, codes, streams }: OperationSpec,
): Operation {
  const types = answerTypes(owner, streams === true);
  const plainTypes = text === true ? ['text/plain', ...types] : ['*/*'];
  const content = answer === undefined ? contentOf(plainTypes, { type: 'string' }) : contentOf(types, refTo(answer));
  return {
    tags: [owner.tag],
    description,
    operationId,
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { content: body, ...(bodyOptional === true ? {} : { required: true }) } }),
    responses: {
      ...Object.fromEntries(codes.map((code) => [code, { description: CODE_TEXT[code], content }])),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
  };
}

/** What all operations of a path take is said once, beside them. Source: kube-openapi findCommonParameters. */
export function pathItemOf(parameters: readonly Parameter[], operations: Partial<Record<Method, Operation>>): PathItem {
  const entries = Object.entries(operations);
  const takes = (name: string): boolean =>
    entries.every(([, one]) => one.parameters?.some((parameter) => parameter.name === name) === true);
  const common = (entries[0]?.[1].parameters ?? []).filter(({ name }) => takes(name));
  const own = entries.map(([method, { parameters: all = [], ...rest }]) => {
    const left = all.filter((parameter) => !common.some(({ name }) => name === parameter.name));
    return [method, left.length === 0 ? rest : { ...rest, parameters: left }] as const;
  });
  return { ...Object.fromEntries(own), parameters: [...parameters, ...common].toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}
