// pure
// The file that --tracing-config-file names. Source: component-base tracing/api/v1 ValidateTracingConfiguration.
import { invalid, type FieldError } from '#apimachinery/field-errors.ts';
import { decodeConfiguration, refuseConfiguration, type ConfigurationKind } from '../configuration/decode.ts';

export interface TracingConfiguration {
  /** Where the collector takes OTLP over gRPC: `host:port`, or a URL of gRPC's resolvers. */
  readonly endpoint: string;
  /** Share of the traces begun here that are recorded; those begun elsewhere follow who began them. */
  readonly samplingRatePerMillion: number;
}

const KIND: ConfigurationKind = {
  kind: 'TracingConfiguration',
  apiVersions: ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1', 'apiserver.config.k8s.io/v1alpha1'],
  shape: { fields: { endpoint: 'string', samplingRatePerMillion: 'number' } },
};

const DEFAULT_ENDPOINT = 'localhost:4317';
const MILLION = 1_000_000;
const SCHEMES: ReadonlySet<string> = new Set(['dns', 'unix', 'unix-abstract']);

/** @throws ConfigurationError */
export function readTracingConfiguration(text: string): TracingConfiguration {
  const { endpoint = DEFAULT_ENDPOINT, samplingRatePerMillion = 0 } = decodeConfiguration<Partial<TracingConfiguration>>(text, KIND);
  refuseConfiguration([...rateErrors(samplingRatePerMillion), ...endpointErrors(endpoint)]);
  return { endpoint, samplingRatePerMillion };
}

function rateErrors(rate: number): readonly FieldError[] {
  if (rate < 0) return [invalid('samplingRatePerMillion', rate, 'sampling rate must be positive')];
  if (rate > MILLION)
    return [invalid('samplingRatePerMillion', rate, 'sampling rate per million must be less than or equal to one million')];
  return [];
}

function endpointErrors(endpoint: string): readonly FieldError[] {
  const url = endpoint.includes('//') ? endpoint : `dns://${endpoint}`;
  const scheme = url.slice(0, url.indexOf(':'));
  if (SCHEMES.has(scheme)) return [];
  return [invalid('endpoint', endpoint, `unsupported scheme: ${scheme}.  Options are none, dns, unix, or unix-abstract`)];
}
