// What expressions cost: `npm run bench:cel -- [--rounds 200000]`. The peer in the same run is the check written by hand.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { createEnvironment } from '#apimachinery/cel/environment.ts';
import { schemaType } from '#apimachinery/cel/schema-type.ts';
import { DYN } from '#apimachinery/cel/types.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200000' } } });
const rounds = Number(values.rounds);

/** Nanoseconds a call. */
function time(step: () => unknown, count: number): number {
  for (let i = 0; i < count / 5; i++) step();
  const start = performance.now();
  for (let i = 0; i < count; i++) step();
  return ((performance.now() - start) / count) * 1e6;
}

const object = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web', team: 'shop', environment: 'production' } },
  spec: {
    replicas: 3,
    template: {
      spec: {
        containers: ['web', 'proxy', 'log'].map((name) => ({
          name,
          image: `registry.example.com/${name}:1.2.3`,
          resources: { limits: { cpu: '500m', memory: '256Mi' } },
          securityContext: { runAsNonRoot: true },
        })),
      },
    },
  },
};
const { containers } = object.spec.template.spec;

const self = schemaType(
  {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: { replicas: { type: 'integer' }, names: { type: 'array', items: { type: 'string' } } } },
    },
  },
  'selfType',
);
const untyped = createEnvironment({ variables: { object: DYN } });
const typed = createEnvironment({ variables: { object: self ?? DYN } });

const CASES = [
  { env: untyped, source: 'object.spec.replicas <= 5', hand: () => object.spec.replicas <= 5 },
  { env: typed, source: 'object.spec.replicas <= 5', hand: () => object.spec.replicas <= 5 },
  {
    env: untyped,
    source: "has(object.metadata.labels) && object.metadata.labels['team'] in ['shop', 'search']",
    hand: () => object.metadata.labels !== undefined && ['shop', 'search'].includes(object.metadata.labels.team),
  },
  {
    env: untyped,
    source: "object.spec.template.spec.containers.all(c, c.image.startsWith('registry.example.com/'))",
    hand: () => containers.every(({ image }) => image.startsWith('registry.example.com/')),
  },
  {
    env: untyped,
    source: 'object.spec.template.spec.containers.all(c, has(c.securityContext) && c.securityContext.runAsNonRoot == true)',
    hand: () => containers.every(({ securityContext }) => securityContext?.runAsNonRoot === true),
  },
  {
    env: untyped,
    source: "object.spec.template.spec.containers.filter(c, c.name != 'log').map(c, c.name + ':' + c.image)",
    hand: () => containers.filter(({ name }) => name !== 'log').map(({ name, image }) => `${name}:${image}`),
  },
  {
    env: untyped,
    source: "object.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    hand: () => /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(object.metadata.name),
  },
  {
    env: untyped,
    source: "quantity(object.spec.template.spec.containers[0].resources.limits.memory).isLessThan(quantity('1Gi'))",
    hand: undefined,
  },
];

console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown CPU'}; ns a call: compile, evaluate, by hand, ratio; cost units`);
for (const { env, source, hand } of CASES) {
  const program = env.compile(source);
  const activation = { object };
  const compile = time(() => env.compile(source), rounds / 100);
  const evaluate = time(() => program.evaluate(activation), rounds);
  const direct = hand === undefined ? undefined : time(hand, rounds);
  const numbers = [
    compile.toFixed(0),
    evaluate.toFixed(0),
    direct?.toFixed(1) ?? '-',
    direct === undefined ? '-' : `${(evaluate / direct).toFixed(1)}x`,
  ];
  console.log(`${numbers.map((text) => text.padStart(9)).join('')}  ${String(program.evaluate(activation).cost).padStart(4)}  ${source}`);
}
