// The import law: which module of src/ may import which. This table is the only place where it stands.

/** What every module but these two may import. `base` knows no Kubernetes word, `apimachinery` no resource. */
const FOUNDATION = ['base', 'apimachinery'];

const EVERYTHING = 'everything';

/** Module (a folder of src/, or a folder beside src/) to the modules it may import, itself apart. */
const LAW: Readonly<Record<string, readonly string[] | typeof EVERYTHING>> = {
  base: [],
  apimachinery: ['base'],
  api: FOUNDATION,
  store: FOUNDATION,
  cri: FOUNDATION,
  client: [...FOUNDATION, 'api'],
  apiserver: [...FOUNDATION, 'api', 'client', 'store'],
  scheduler: [...FOUNDATION, 'api', 'client'],
  controllers: [...FOUNDATION, 'api', 'client'],
  proxy: [...FOUNDATION, 'api', 'client'],
  network: [...FOUNDATION, 'api', 'client'],
  dns: [...FOUNDATION, 'api', 'client'],
  metrics: [...FOUNDATION, 'api', 'client'],
  kubelet: [...FOUNDATION, 'api', 'client', 'cri'],
  hollow: [...FOUNDATION, 'api', 'client'],
  cluster: EVERYTHING,
  test: EVERYTHING,
  bench: EVERYTHING,
  tools: EVERYTHING,
  examples: [],
};

/** Nothing in src/ may import these; its tests may use what test/ offers them. */
const BESIDE_SRC = ['test', 'bench', 'tools', 'examples'];

/** Modules that own time and chance, or measure the real ones; all others take a Clock and Ids. */
const OWN_CLOCK = ['base', 'bench', 'tools'];

/** The module a file belongs to, from its path relative to the checkout: `src/api/x.ts` is api's, `test/x.ts` test's. */
export function moduleOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  return first === 'src' ? second : first;
}

export function isModule(name: string): boolean {
  return Object.hasOwn(LAW, name);
}

/** Whether code of `from` may import from `to`; `forTests` when the importing file is a test or for tests only. */
export function mayImport(from: string, to: string, forTests: boolean): boolean {
  if (from === to) return true;
  if (to === 'test' && forTests) return true;
  const allowed = LAW[from] ?? [];
  if (BESIDE_SRC.includes(to)) return BESIDE_SRC.includes(from) && allowed === EVERYTHING;
  return allowed === EVERYTHING || allowed.includes(to);
}

export function ownsClock(module: string): boolean {
  return OWN_CLOCK.includes(module);
}
