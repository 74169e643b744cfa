// How many pods a second the scheduler places, by the shapes of upstream's scheduler_perf; every node is scored:
// `npm run bench:scheduler -- [--nodes 5000] [--pods 10000] [--shape NAME|all] [--runs 3]`. In one process with a server that
// does at once what it is asked, so what is measured is the scheduler: events in, decisions, bindings out.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { measure, type Run } from './scheduler/measure.ts';
import type { Shape } from './scheduler/shape.ts';
import { SHAPES } from './scheduler/shapes.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string' },
    pods: { type: 'string' },
    shape: { type: 'string', default: 'basic' },
    runs: { type: 'string', default: '1' },
  },
});
const names = values.shape === 'all' ? Object.keys(SHAPES) : values.shape.split(',');
const runs = Number(values.runs);
const [nodes, pods] = [values.nodes, values.pods].map((given) => (given === undefined ? undefined : Number(given)));
if (names.some((name) => SHAPES[name] === undefined) || [nodes, pods, runs].some((count) => count !== undefined && !(count > 0))) {
  throw new Error(`--shape is all or some of ${Object.keys(SHAPES).join(', ')}; --nodes, --pods and --runs are positive numbers`);
}

const NODES = 5000;
/** Pods a second that `basic` is to reach, and how many times the gate any other shape. */
const AIM_BASIC = 5000;
const AIM_TIMES = 10;

console.log(`machine   ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}; the slowest of ${runs} run(s) counts`);
const rows: (readonly string[])[] = [];
for (const name of names) rows.push(await row(name, SHAPES[name] as Shape));
const heads = ['shape', 'nodes', 'pods', 'gate', 'pods/s', 'of the gate', 'a CPU second', 'of the gate', 'aim', 'p50', 'p99', 'upstream'];
for (const line of [heads, heads.map(() => '---'), ...rows]) console.log(`| ${line.join(' | ')} |`);

async function row(name: string, shape: Shape): Promise<readonly string[]> {
  const size = { nodes: nodes ?? shape.nodes ?? NODES, pods: pods ?? shape.pods };
  const done: Run[] = [];
  for (let i = 0; i < runs; i++) done.push(await measure(shape, size));
  const perSecond = Math.min(...done.map(({ placed, seconds }) => placed / seconds));
  const perCpu = Math.min(...done.map(({ placed, cpuSeconds }) => placed / cpuSeconds));
  const slowest = done.reduce((a, b) => (a.placed / a.seconds <= b.placed / b.seconds ? a : b));
  const times = (rate: number): string => (shape.gate === undefined ? '' : (rate / shape.gate).toFixed(1));
  const aim = name === 'basic' ? AIM_BASIC : (shape.gate ?? 0) * AIM_TIMES;
  const percentile = (p: number): string => `${(slowest.attempts[Math.floor((slowest.attempts.length - 1) * p)] ?? 0).toFixed(2)} ms`;
  const made = [
    name,
    String(size.nodes),
    slowest.placed === size.pods ? String(size.pods) : `${slowest.placed} of ${size.pods}`,
    shape.gate === undefined ? 'none' : String(shape.gate),
    String(Math.round(perSecond)),
    times(perSecond),
    String(Math.round(perCpu)),
    times(perCpu),
    shape.gate === undefined ? '' : perSecond >= aim ? 'met' : perCpu >= aim ? 'met by CPU' : `${Math.round((perSecond / aim) * 100)} %`,
    percentile(0.5),
    percentile(0.99),
    shape.source,
  ];
  console.log(`${name.padEnd(28)}${made.slice(1, -1).join('  ')}`);
  return made;
}
