// pure
// The feature gates of the libraries that upstream's server is made of, as they are in v1.36. Of the server's own gates only the
// names are known, and what those are that are heeded here.
// Source: apiserver, apiextensions-apiserver and client-go features, component-base logs, metrics and zpages.

export type Stage = 'Alpha' | 'Beta' | 'GA' | 'Deprecated';

export interface LibraryGate {
  readonly stage: Stage;
  readonly default: boolean;
}

const gates = (stage: Stage, on: boolean, names: string): readonly (readonly [string, LibraryGate])[] =>
  names
    .split(/\s+/)
    .filter((name) => name !== '')
    .map((name) => [name, { stage, default: on }]);

export const LIBRARY_GATES: ReadonlyMap<string, LibraryGate> = new Map([
  ...gates(
    'Alpha',
    false,
    `AllAlpha APIServingWithRoutine AllowUnsafeMalformedObjectDeletion CBORServingAndStorage ClientsAllowCBOR ClientsPreferCBOR
     LoggingAlphaOptions ManifestBasedAdmissionControlConfig NativeHistograms ShardedListAndWatch StorageVersionAPI`,
  ),
  ...gates('Beta', false, 'AllBeta ConcurrentWatchObjectDecode CoordinatedLeaderElection'),
  ...gates(
    'Beta',
    true,
    `APIResponseCompression APIServerIdentity AllowParsingUserUIDFromCertAuth AtomicFIFO CRDObservedGenerationTracking
     ClientsAllowCARotation ClientsAllowTLSCacheGC ComponentFlagz ComponentStatusz ConstrainedImpersonation ContextualLogging
     DeclarativeValidationBeta DetectCacheInconsistency InOrderInformersBatchProcess ListFromCacheSnapshot LoggingBetaOptions
     OpenAPIEnums RemoteRequestHeaderUID SizeBasedListCostEstimate StorageVersionHash
     StructuredAuthenticationConfigurationEgressSelector StructuredAuthenticationConfigurationJWKSMetrics
     TokenRequestServiceAccountUIDValidation UnauthenticatedHTTP2DOSMitigation UnknownVersionInteroperabilityProxy
     UnlockWhileProcessingFIFO WatchCacheInitializationPostStartHook WatchList WatchListClient`,
  ),
  ...gates(
    'GA',
    true,
    `APIServerTracing AnonymousAuthConfigurableEndpoints AuthorizeWithSelectors BtreeWatchCache CRDValidationRatcheting
     ConsistentListFromCache CustomResourceFieldSelectors DeclarativeValidation InOrderInformers InformerResourceVersion
     MutatingAdmissionPolicy ResilientWatchCacheInitialization RetryGenerateName StreamingCollectionEncodingToJSON
     StreamingCollectionEncodingToProtobuf StructuredAuthenticationConfiguration`,
  ),
  ...gates('Deprecated', false, 'DeclarativeValidationTakeover KMSv1 SeparateCacheWatchRPC'),
  ...gates('Deprecated', true, 'AggregatedDiscoveryRemoveBetaType'),
]);
