// `pods`, `deployments`, …: one typed constant for each built-in resource of a preferred version.
export * from './gen/resources.ts';
