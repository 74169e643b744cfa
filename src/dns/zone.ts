// pure
// Answers questions about the cluster domain and about reverse names of Services and endpoints. Everything it knows
// comes through ZoneData; ./zone-index.ts keeps that up to date.
import { addressRecord, type DnsRecord, type Question, ZONE_TTL, type ZoneAnswer } from './records.ts';
import type { EndpointRecord, ServicePortRecord, ServiceRecords } from './service-records.ts';

export interface ZoneData {
  service(namespace: string, name: string): ServiceRecords | undefined;
  hasNamespace(namespace: string): boolean;
  /** Names (absolute, without trailing dot) of Services and endpoints with this address. */
  namesOf(address: string): readonly string[];
  /** Changes with the data; the SOA serial. */
  readonly serial: number;
}

/** Version of the specification this zone follows. Source: dns-version TXT record. */
const SCHEMA_VERSION = '1.1.0';

const NX_DOMAIN: ZoneAnswer = { kind: 'nxDomain' };
const NO_DATA: ZoneAnswer = { kind: 'noData' };
const ELSEWHERE: ZoneAnswer = { kind: 'elsewhere' };

export class Zone {
  readonly domain: string;
  readonly #suffix: string;
  readonly #data: ZoneData;

  /** `domain` in lower case without trailing dot: `cluster.local`. */
  constructor(domain: string, data: ZoneData) {
    this.domain = domain;
    this.#suffix = `.${domain}`;
    this.#data = data;
  }

  answer(question: Question): ZoneAnswer {
    const { name, type } = question;
    if (name === this.domain) return this.#apex(type);
    if (name.endsWith(this.#suffix)) return this.#below(name.slice(0, -this.#suffix.length).split('.'), question);
    return name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa') ? this.#reverse(question) : ELSEWHERE;
  }

  /** Sent in the authority section of answers without records. */
  soa(): DnsRecord {
    return {
      type: 'SOA',
      name: this.domain,
      ttl: ZONE_TTL,
      data: {
        mname: `ns.dns.${this.domain}`,
        rname: `hostmaster.${this.domain}`,
        serial: this.#data.serial,
        refresh: 7200,
        retry: 1800,
        expire: 86_400,
        minimum: ZONE_TTL,
      },
    };
  }

  #apex(type: string): ZoneAnswer {
    if (type === 'SOA') return records([this.soa()]);
    if (type === 'NS') return records([{ type: 'NS', name: this.domain, ttl: ZONE_TTL, data: `ns.dns.${this.domain}` }]);
    return NO_DATA;
  }

  /** `labels` are those in front of the domain, leftmost first. */
  #below(labels: readonly string[], question: Question): ZoneAnswer {
    const kind = labels.at(-1) as string;
    const namespace = labels.at(-2);
    if (labels.length === 1 && kind === 'dns-version') {
      return question.type === 'TXT' ? records([{ type: 'TXT', name: question.name, ttl: ZONE_TTL, data: SCHEMA_VERSION }]) : NO_DATA;
    }
    if (kind !== 'svc' && kind !== 'pod') return labels.join('.') === 'ns.dns' || labels.join('.') === 'dns' ? NO_DATA : NX_DOMAIN;
    if (namespace === undefined) return NO_DATA;
    if (!this.#data.hasNamespace(namespace)) return NX_DOMAIN;
    const rest = labels.slice(0, -2);
    if (rest.length === 0) return NO_DATA;
    return kind === 'pod' ? pod(rest, question) : this.#service(rest, namespace, question);
  }

  #service(labels: readonly string[], namespace: string, question: Question): ZoneAnswer {
    const service = this.#data.service(namespace, labels.at(-1) as string);
    if (service === undefined) return NX_DOMAIN;
    const front = labels.slice(0, -1);
    if (service.kind === 'externalName') return front.length === 0 ? this.#alias(service.target, question) : NX_DOMAIN;
    if (front.length === 0) return byService(service, question);
    if (front.length === 1) {
      const endpoints = service.endpoints.filter((endpoint) => endpoint.label === front[0]);
      return endpoints.length === 0 ? NX_DOMAIN : byEndpoints(endpoints, question);
    }
    const [port, protocol] = front;
    if (front.length !== 2 || !port?.startsWith('_') || !protocol?.startsWith('_')) return NX_DOMAIN;
    const wanted = (p: ServicePortRecord): boolean => `_${p.name.toLowerCase()}` === port && `_${p.protocol}` === protocol;
    const found = portRecords(
      service,
      wanted,
      { ...question, name: question.name },
      labels.at(-1) as string,
      `${namespace}.svc${this.#suffix}`,
    );
    if (found.answers.length === 0) return NX_DOMAIN;
    return question.type === 'SRV' || question.type === 'ANY' ? { kind: 'records', ...found } : NO_DATA;
  }

  #alias(target: string, { name, type }: Question): ZoneAnswer {
    if (target === '') return NO_DATA;
    const answers: DnsRecord[] = [{ type: 'CNAME', name, ttl: ZONE_TTL, data: target }];
    return type === 'CNAME' ? records(answers) : { kind: 'alias', answers, target };
  }

  #reverse({ name, type }: Question): ZoneAnswer {
    const address = addressOfReverseName(name);
    const names = address === undefined ? [] : this.#data.namesOf(address);
    if (names.length === 0) return ELSEWHERE;
    return type === 'PTR' || type === 'ANY' ? records(names.map((data) => ({ type: 'PTR', name, ttl: ZONE_TTL, data }))) : NO_DATA;
  }
}

function records(answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []): ZoneAnswer {
  return answers.length === 0 ? NO_DATA : { kind: 'records', answers, additionals };
}

/** An address has only one family: a question for the other one has no data. */
function addresses(list: readonly string[], { name, type }: Question): readonly DnsRecord[] {
  return list.map((address) => addressRecord(name, address)).filter((record) => record.type === type || type === 'ANY');
}

function byService(service: Exclude<ServiceRecords, { kind: 'externalName' }>, question: Question): ZoneAnswer {
  if (question.type === 'SRV') {
    const [name, ...parent] = question.name.split('.');
    const found = portRecords(service, () => true, question, name as string, parent.join('.'));
    return records(found.answers, found.additionals);
  }
  const found = addresses(service.kind === 'clusterIP' ? service.addresses : service.endpoints.map((e) => e.address), question);
  // A headless Service without endpoints does not exist for DNS. Source: CoreDNS findServices.
  if (service.kind === 'headless' && service.endpoints.length === 0) return NX_DOMAIN;
  return records(found);
}

function byEndpoints(endpoints: readonly EndpointRecord[], question: Question): ZoneAnswer {
  if (question.type === 'SRV') {
    return records(
      endpoints.flatMap((e) => e.ports.map((p) => srv(question.name, p.port, question.name, 1))),
      endpoints.map((e) => addressRecord(question.name, e.address)),
    );
  }
  return records(
    addresses(
      endpoints.map((e) => e.address),
      question,
    ),
  );
}

/** SRV records of the ports that `wanted` takes: one for a cluster IP, one for each endpoint of a headless Service. */
function portRecords(
  service: Exclude<ServiceRecords, { kind: 'externalName' }>,
  wanted: (port: ServicePortRecord) => boolean,
  { name }: Question,
  serviceName: string,
  parent: string,
): { readonly answers: readonly DnsRecord[]; readonly additionals: readonly DnsRecord[] } {
  const target = `${serviceName}.${parent}`;
  if (service.kind === 'clusterIP') {
    const ports = service.ports.filter(wanted);
    const additionals = ports.length === 0 ? [] : service.addresses.map((address) => addressRecord(target, address));
    return { answers: ports.map((p) => srv(name, p.port, target, ports.length)), additionals };
  }
  const found = service.endpoints.flatMap((e) => e.ports.filter(wanted).map((p) => ({ endpoint: e, port: p.port })));
  return {
    answers: found.map(({ endpoint, port }) => srv(name, port, `${endpoint.label}.${target}`, found.length)),
    additionals: [...new Set(found.map((f) => f.endpoint))].map((e) => addressRecord(`${e.label}.${target}`, e.address)),
  };
}

/** Weights share 100 evenly. Source: CoreDNS plugin.SRV. */
function srv(name: string, port: number, target: string, count: number): DnsRecord {
  return { type: 'SRV', name, ttl: ZONE_TTL, data: { priority: 0, weight: Math.max(1, Math.floor(100 / count)), port, target } };
}

/** `10-244-0-7.ns.pod`: the address is in the name. Source: CoreDNS `pods insecure`, kubeadm's default. */
function pod(labels: readonly string[], question: Question): ZoneAnswer {
  const [label] = labels;
  if (labels.length !== 1 || label === undefined) return NX_DOMAIN;
  const address = addressOfDashes(label);
  return address === undefined ? NX_DOMAIN : records(addresses([address], question));
}

function addressOfDashes(label: string): string | undefined {
  const v4 = /^(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})$/.exec(label);
  if (v4 !== null) return v4.slice(1).every((octet) => Number(octet) <= 255) ? v4.slice(1).join('.') : undefined;
  return /^[0-9a-f-]*--?[0-9a-f-]*$/.test(label) && label.includes('-') ? label.replaceAll('-', ':') : undefined;
}

/** `7.0.244.10.in-addr.arpa` → `10.244.0.7`; 32 nibbles of ip6.arpa → the address in full, lower case. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const octets = name.slice(0, -'.in-addr.arpa'.length).split('.');
    return octets.length === 4 && octets.every((o) => /^\d{1,3}$/.test(o) && Number(o) <= 255) ? octets.toReversed().join('.') : undefined;
  }
  const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.');
  if (nibbles.length !== 32 || !nibbles.every((n) => /^[0-9a-f]$/.test(n))) return undefined;
  return (nibbles.toReversed().join('').match(/.{4}/g) as string[]).join(':');
}
