// One operation, from what differs between operations. Pure.
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { refTo, type Content, type OpenApiSchema, type Operation, type Parameter } from './document.ts';

const MEDIA_TYPES = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml'];
const STREAM_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];

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
  /** Component of the answer; undefined for a plain text or a stream. */
  readonly answer: string | undefined;
  readonly codes: readonly (200 | 201 | 202)[];
  readonly streams?: true;
}

const CODE_TEXT = { 200: 'OK', 201: 'Created', 202: 'Accepted' } as const;

export const contentOf = (types: readonly string[], schema: OpenApiSchema): Content =>
  Object.fromEntries(types.map((type) => [type, { schema }]));

export const anyType = (component: string): Content => contentOf(['*/*'], refTo(component));

/** @param tag `apps_v1` */
export function operationOf(
  tag: string,
  { action, operationId, description, kind, parameters, body, bodyOptional, answer, codes, streams }: OperationSpec,
): Operation {
  const types = streams === true ? [...MEDIA_TYPES, ...STREAM_TYPES] : MEDIA_TYPES;
  const content = answer === undefined ? contentOf(['*/*'], { type: 'string' }) : contentOf(types, refTo(answer));
  return {
    tags: [tag],
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
