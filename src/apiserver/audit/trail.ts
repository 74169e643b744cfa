// From what a request did to Event objects of audit.k8s.io/v1. Source: apiserver pkg/audit request.go, context.go,
// pkg/endpoints/filters audit.go.
import { internalError, type StatusError } from '#apimachinery/errors.ts';
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { formatMicroTime } from '#apimachinery/time.ts';
import { JsonError, parseJson } from '#apimachinery/json.ts';
import { parseYaml, YamlError } from '#apimachinery/yaml.ts';
import type { Clock } from '#base/clock.ts';
import type { UserInfo } from '../authentication/contract.ts';
import type { Answer } from '../handlers/answer.ts';
import { listMetadata } from '../http/list-parts.ts';
import type { Body } from '../negotiation/input.ts';
import type { RequestContext } from '../request.ts';
import type { AuditTrail } from './contract.ts';
import { LEVELS, type AuditDecision, type Level, type Stage } from './policy.ts';

/** Source: maxUserAgentLength. */
const MAX_USER_AGENT = 1_024;

interface Seen {
  readonly contentType: string;
  /** Bytes as sent, or on loopback the value. */
  readonly content: unknown;
}

export interface TrailDeps {
  readonly clock: Clock;
  readonly decision: AuditDecision;
  readonly emit: (event: object) => Promise<boolean> | undefined;
  /** A protobuf body as an object. */
  readonly decode: (bytes: Buffer) => unknown;
}

const atLeast = (level: Level, wanted: Level): boolean => LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);

export class RequestTrail implements AuditTrail {
  readonly received: Promise<boolean> | undefined;
  readonly #context: RequestContext;
  readonly #deps: TrailDeps;
  readonly #user: UserInfo | undefined;
  #impersonated: UserInfo | undefined;
  #constraint = '';
  #body: Seen | undefined;
  #answer: Answer | undefined;
  #refusal: StatusError | undefined;
  #panic: unknown;
  #streamed = false;

  constructor(context: RequestContext, user: UserInfo | undefined, deps: TrailDeps) {
    this.#context = context;
    this.#deps = deps;
    this.#user = user;
    this.received = this.#emit('RequestReceived', undefined);
  }

  impersonated(user: UserInfo, constraint: string): void {
    this.#impersonated = user;
    this.#constraint = constraint;
  }

  body(body: Body): Body {
    if (body.kind === 'value') {
      this.#body = { contentType: body.contentType, content: body.value };
      return body;
    }
    return {
      ...body,
      read: async (limit) => {
        const content = await body.read(limit);
        this.#body = { contentType: body.contentType, content };
        return content;
      },
    };
  }

  answered(answer: Answer): void {
    this.#answer = answer;
  }

  streaming(): void {
    this.#streamed = true;
    void this.#emit('ResponseStarted', 200);
  }

  refused(error: StatusError): void {
    this.#refusal = error;
  }

  failed(error: unknown): void {
    this.#panic = error;
    this.#refusal = internalError(error);
  }

  finish(code: number): void {
    void this.#emit(this.#panic === undefined ? 'ResponseComplete' : 'Panic', code);
  }

  /** Nobody was made out, so there is no later stage. */
  refusedAtTheDoor(message: string): void {
    void this.#emit('ResponseStarted', 401, { metadata: {}, status: 'Failure', message, code: 401 });
  }

  #emit(stage: Stage, code: number | undefined, status?: object): Promise<boolean> | undefined {
    const { decision, clock, emit } = this.#deps;
    if (decision.omitStages.includes(stage)) return undefined;
    const { level } = decision;
    const { info, audit, userAgent, remoteAddress } = this.#context;
    const parsed = stage === 'RequestReceived' ? undefined : this.#parsedBody();
    const response = stage === 'RequestReceived' || stage === 'ResponseStarted' ? undefined : this.#response();
    const annotations = atLeast(level, 'Request') ? { ...audit.requestEntries, ...audit.entries } : audit.entries;
    return emit({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level,
      auditID: this.#context.id,
      stage,
      requestURI: this.#context.uri,
      verb: info.verb,
      user: wireUser(this.#user),
      ...(this.#impersonated === undefined ? {} : { impersonatedUser: wireUser(this.#impersonated) }),
      ...(this.#constraint === '' ? {} : { authenticationMetadata: { impersonationConstraint: this.#constraint } }),
      ...(remoteAddress === '' ? {} : { sourceIPs: [remoteAddress] }),
      ...(userAgent === '' ? {} : { userAgent: cut(userAgent) }),
      ...(info.isResourceRequest ? { objectRef: this.#reference(parsed) } : {}),
      ...(code === undefined ? {} : { responseStatus: status ?? this.#status(code) }),
      ...(parsed === undefined || !atLeast(level, 'Request') ? {} : { requestObject: this.#shown(parsed) }),
      ...(response === undefined ? {} : { responseObject: this.#shown(response) }),
      requestReceivedTimestamp: formatMicroTime(this.#context.receivedAt),
      stageTimestamp: formatMicroTime(clock.now()),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    });
  }

  #reference(body: unknown): object {
    const { info } = this.#context;
    const metadata = isObject(body) && isObject(body['metadata']) ? body['metadata'] : {};
    const said = (name: string): string => (typeof metadata[name] === 'string' ? metadata[name] : '');
    const reference = {
      resource: info.resource,
      namespace: info.namespace === '' ? said('namespace') : info.namespace,
      name: info.name === '' ? said('name') : info.name,
      uid: said('uid'),
      apiGroup: info.group,
      apiVersion: info.version,
      resourceVersion: said('resourceVersion'),
      subresource: info.subresource,
    };
    return Object.fromEntries(Object.entries(reference).filter(([, value]) => value !== ''));
  }

  #status(code: number): object {
    if (this.#refusal === undefined) return { metadata: {}, code };
    const { message, reason, details } = this.#refusal.toStatus();
    return { metadata: {}, status: 'Failure', message, reason, ...(details === undefined ? {} : { details }), code };
  }

  #parsedBody(): unknown {
    if (this.#body === undefined) return undefined;
    const { contentType, content } = this.#body;
    if (!(content instanceof Buffer)) return content;
    if (content.length === 0) return undefined;
    try {
      if (contentType.startsWith('application/vnd.kubernetes.protobuf')) return this.#deps.decode(content);
      return contentType.includes('yaml') ? parseYaml(content.toString()) : parseJson(content.toString());
    } catch (error) {
      // A body that cannot be read was refused for it; the event has no object then.
      if (this.#refusal !== undefined || error instanceof JsonError || error instanceof YamlError) return undefined;
      throw error;
    }
  }

  #response(): unknown {
    if (!atLeast(this.#deps.decision.level, 'RequestResponse') || this.#streamed) return undefined;
    if (this.#refusal !== undefined) return this.#refusal.toStatus();
    const answer = this.#answer;
    switch (answer?.kind) {
      case 'stored':
        return answer.served.view(answer.object).object;
      case 'object':
        return answer.object;
      case 'list': {
        const { served, list } = answer;
        const items = list.items.map((item) => served.view(item).object);
        return { kind: served.info.listKind, apiVersion: served.apiVersion, metadata: listMetadata(list), items };
      }
      default:
        return undefined;
    }
  }

  #shown(object: unknown): unknown {
    return this.#deps.decision.omitManagedFields ? withoutManagedFields(object) : object;
  }
}

function withoutManagedFields(object: unknown): unknown {
  if (!isObject(object)) return object;
  const { metadata, items } = object;
  const bare: Record<string, unknown> = { ...object };
  if (isObject(metadata) && metadata['managedFields'] !== undefined) {
    const { managedFields: _, ...rest } = metadata;
    bare['metadata'] = rest;
  }
  if (Array.isArray(items)) bare['items'] = items.map(withoutManagedFields);
  return bare;
}

const cut = (text: string): string => (text.length > MAX_USER_AGENT ? `${text.slice(0, MAX_USER_AGENT)}...TRUNCATED` : text);

function wireUser(user: UserInfo | undefined): JsonObject {
  if (user === undefined) return {};
  const { name, uid = '', groups, extra } = user;
  return {
    username: name,
    ...(uid === '' ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
  };
}
