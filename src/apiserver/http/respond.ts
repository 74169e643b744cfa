// From an Answer to bytes on the wire.
import { hasMessage } from '#api/protobuf/codec.ts';
import { inEnvelope } from '#api/protobuf/envelope.ts';
import type { KubeObject } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { htmlEscaped } from '#apimachinery/go-format.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import type { Clock } from '#base/clock.ts';
import type { Answer } from '../handlers/answer.ts';
import { CONTENT_TYPES, negotiateOutput, wantsPretty, type OutputAbilities, type OutputForm } from '../negotiation/output.ts';
import type { WatchMetrics } from '../metrics/watches.ts';
import type { ProtobufCodec } from '../negotiation/protobuf.ts';
import { parseIncludeObject, TableMaker } from '../negotiation/table.ts';
import { checkMetadataOf, objectForm, transformed } from '../negotiation/transform.ts';
import type { Printers } from '../printers/contract.ts';
import { PlainRefusal } from '../stages/plain-refusal.ts';
import type { RequestWalk } from '../walk.ts';
import type { Exchange, ResponseHeaders } from './exchange.ts';
import { messagesOf } from './messages.ts';
import { respondWithList } from './respond-list.ts';
import { serveWatch } from './serve-watch.ts';
import { warningHeaders } from './warning-header.ts';

export interface ResponderDeps {
  readonly printers: Printers;
  readonly protobuf: ProtobufCodec | undefined;
  readonly clock: Clock;
  readonly watches: WatchMetrics;
}

const NEWLINE = '\n';

export class Responder {
  readonly deps: ResponderDeps;
  readonly #object: OutputAbilities;
  readonly #resource: OutputAbilities;
  readonly #watch: OutputAbilities;
  readonly #custom: OutputAbilities;
  readonly #customWatch: OutputAbilities;

  constructor(deps: ResponderDeps) {
    this.deps = deps;
    const encodings = deps.protobuf === undefined ? (['json', 'yaml'] as const) : (['json', 'yaml', 'protobuf'] as const);
    this.#object = { encodings, transforms: false, stream: false };
    this.#resource = { encodings, transforms: true, stream: false };
    this.#watch = { encodings, transforms: true, stream: true };
    this.#custom = { ...this.#resource, plain: ['json', 'yaml'] };
    this.#customWatch = { ...this.#watch, plain: ['json', 'yaml'] };
  }

  /** What the client accepts of a resource, before anything is done for it. @throws StatusError NotAcceptable */
  check(exchange: Exchange, verb: string, custom: boolean): void {
    negotiateOutput(exchange.header('accept'), this.#abilities(verb === 'watch', custom));
  }

  #abilities(watch: boolean, custom: boolean): OutputAbilities {
    if (custom) return watch ? this.#customWatch : this.#custom;
    return watch ? this.#watch : this.#resource;
  }

  /** Resolves when the answer is complete or the client is gone; gives the status sent. @throws StatusError */
  async respond(exchange: Exchange, walk: RequestWalk, answer: Answer): Promise<number> {
    switch (answer.kind) {
      case 'stored': {
        const form = negotiateOutput(exchange.header('accept'), this.#abilities(false, answer.served.info.origin === 'custom'));
        const { served } = answer;
        checkMetadataOf('object', form, served);
        if (form.transform === 'none' && form.encoding === 'protobuf' && hasMessage(served.info.schema)) {
          const body = inEnvelope(
            { apiVersion: served.apiVersion, kind: served.info.kind },
            messagesOf(served).message(answer.object, exchange.method === 'GET'),
          );
          exchange.respond(answer.code, this.#headers(walk, CONTENT_TYPES.protobuf), body);
          return answer.code;
        }
        const view = served.view(answer.object);
        if (form.transform === 'none' && form.encoding === 'json' && !this.#pretty(form, walk)) {
          exchange.respond(answer.code, this.#headers(walk, CONTENT_TYPES.json), view.json());
        } else {
          const asItIs = form.transform === 'none' && form.encoding === 'json';
          const object = asItIs ? view.ordered : objectForm(form, served, this.#tables(walk, form)).one(view);
          this.#send(exchange, walk, answer.code, form, object);
        }
        return answer.code;
      }
      case 'object': {
        const { form: kind } = answer;
        const form = negotiateOutput(exchange.header('accept'), kind === undefined ? this.#object : this.#resource);
        const object = kind === undefined ? answer.object : transformed(answer.object as KubeObject, form, kind, this.#tables(walk, form));
        this.#send(exchange, walk, answer.code, form, object);
        return answer.code;
      }
      case 'bytes':
        exchange.respond(answer.code, { ...this.#headers(walk), ...answer.headers }, answer.body);
        return answer.code;
      case 'list': {
        const form = negotiateOutput(exchange.header('accept'), this.#abilities(false, answer.served.info.origin === 'custom'));
        checkMetadataOf('list', form, answer.served);
        await respondWithList(exchange, {
          ...answer,
          form,
          tables: this.#tables(walk, form),
          pretty: this.#pretty(form, walk),
          headers: this.#headers(walk, CONTENT_TYPES[form.encoding]),
          encode: (object) => this.encode(object, form, this.#pretty(form, walk)),
        });
        return 200;
      }
      case 'watch': {
        const form = negotiateOutput(exchange.header('accept'), this.#abilities(true, answer.served.info.origin === 'custom'));
        await serveWatch(exchange, {
          ...answer,
          form,
          shape: objectForm(form, answer.served, this.#tables(walk, form)),
          headers: this.#headers(walk, streamType(form)),
          protobuf: this.deps.protobuf,
          clock: this.deps.clock,
          signal: walk.signal,
          series: this.deps.watches.of(walk.info),
        });
        return 200;
      }
      case 'stream':
        await answer.serve(exchange);
        return 200;
    }
  }

  /** A refusal, in the client's encoding where it has one we speak. */
  refuse(exchange: Exchange, walk: RequestWalk, error: StatusError): void {
    const status = error.toStatus();
    const retry = error.details?.retryAfterSeconds;
    const more: Record<string, string> = retry === undefined || retry === 0 ? {} : { 'retry-after': String(retry) };
    if (error instanceof PlainRefusal) {
      const headers = { ...this.#headers(walk, 'text/plain; charset=utf-8'), 'x-content-type-options': 'nosniff', ...more };
      exchange.respond(error.code, headers, Buffer.from(`${error.message}\n`));
      return;
    }
    let form: OutputForm = { encoding: 'json', transform: 'none', metaVersion: 'v1', pretty: false };
    try {
      form = negotiateOutput(exchange.header('accept'), { ...this.#object });
    } catch (refusal) {
      if (!(refusal instanceof StatusError)) throw refusal;
    }
    this.#send(exchange, walk, error.code, form, status, more);
  }

  encode(object: object, { encoding }: OutputForm, pretty: boolean): Buffer {
    switch (encoding) {
      case 'json':
        return Buffer.from(htmlEscaped(JSON.stringify(object, undefined, pretty ? 2 : 0)) + NEWLINE);
      case 'yaml':
        return Buffer.from(toYaml(object));
      case 'protobuf':
        return (this.deps.protobuf as ProtobufCodec).encode(object);
    }
  }

  #send(exchange: Exchange, walk: RequestWalk, code: number, form: OutputForm, object: object, more: ResponseHeaders = {}): void {
    const body = this.encode(object, form, this.#pretty(form, walk));
    exchange.respond(code, { ...this.#headers(walk, CONTENT_TYPES[form.encoding]), ...more }, body);
  }

  /** What belongs to tables is read for tables alone. @throws StatusError BadRequest */
  #tables(walk: RequestWalk, { transform }: OutputForm): TableMaker {
    return new TableMaker({
      printers: this.deps.printers,
      includeObject: parseIncludeObject(transform === 'Table' ? walk.query.get('includeObject') : undefined),
      now: () => this.deps.clock.now(),
    });
  }

  #pretty(form: OutputForm, walk: RequestWalk): boolean {
    return wantsPretty(form, walk.query.get('pretty'), walk.userAgent);
  }

  #headers(walk: RequestWalk, contentType?: string): ResponseHeaders {
    const base = { 'audit-id': walk.id, 'cache-control': 'no-cache, private', ...walk.answerHeaders };
    const typed = contentType === undefined ? base : { ...base, 'content-type': contentType };
    const warning = warningHeaders(walk.warningTexts);
    return warning.length === 0 ? typed : { ...typed, warning };
  }
}

function streamType({ encoding }: OutputForm): string {
  return encoding === 'protobuf' ? `${CONTENT_TYPES.protobuf};stream=watch` : CONTENT_TYPES.json;
}
