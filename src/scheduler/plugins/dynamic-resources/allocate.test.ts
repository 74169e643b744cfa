import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { Device, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { New } from '#api/types.ts';
import { node } from '../../testing.ts';
import { allocate } from './allocate.ts';
import type { Capacity } from './capacity.ts';
import { DeviceSelectors } from './selectors.ts';
import { cel, claim, deviceClass, DRIVER, poolsOf, request, slice } from './testing.ts';

const CLASSES = [deviceClass('gpu', cel(`device.driver == '${DRIVER}'`)), deviceClass('broken', cel('device.attributes["x"].y == 1'))];

const numa = (value: number) => ({ attributes: { numa: { int: value } } });
const memory = (value: string) => ({ capacity: { memory: { value } } });

interface Case {
  readonly name: string;
  readonly slices: readonly ResourceSlice[];
  readonly claims: readonly ResourceClaim[];
  readonly allocated?: readonly string[];
  /** What others have of devices. */
  readonly shared?: Readonly<Record<string, Capacity>>;
  /** `request=device` of each claim, or why not. */
  readonly answer: string;
}

const shareable = (name: string, amount: string): New<Device> => ({ name, allowMultipleAllocations: true, ...memory(amount) });
const share = (amount: string, more: object = {}) => request('r', { capacity: { requests: { memory: amount } }, ...more });

/** Three of a card with so much memory, each with half of 40Gi. */
function partitions(card: string, set = 'card'): readonly ResourceSlice[] {
  const pool = { name: 'n', generation: 1, resourceSliceCount: 2 };
  const consumesCounters = [{ counterSet: set, counters: { memory: { value: '20Gi' } } }];
  return [
    slice(
      'n',
      ['a', 'b', 'c'].map((name) => ({ name, consumesCounters })),
      { pool },
    ),
    slice('n', [], { pool, sharedCounters: [{ name: 'card', counters: { memory: { value: card } } }] }, 'counters'),
  ];
}

const two = [slice('n', [{ name: 'a' }, { name: 'b' }])];

const cases: readonly Case[] = [
  { name: 'takes the first devices that are free', slices: two, claims: [claim('c', [request('r')])], allocated: ['a'], answer: 'r=b' },
  { name: 'takes as many as are asked for', slices: two, claims: [claim('c', [request('r', { count: 2 })])], answer: 'r=a r=b' },
  {
    name: 'refuses where there are too few',
    slices: two,
    claims: [claim('c', [request('r', { count: 3 })])],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'gives claims of one pod different devices',
    slices: two,
    claims: [claim('c', [request('r')]), claim('d', [request('r')])],
    answer: 'r=a | r=b',
  },
  {
    name: 'looks at no slice of another node',
    slices: [slice('m', [{ name: 'a' }])],
    claims: [claim('c', [request('r')])],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'chooses by attribute, version and capacity',
    slices: [
      slice('n', [
        { name: 'old', attributes: { driverVersion: { version: '1.9.0' }, 'vendor.io/model': { string: 'x' } }, ...memory('80Gi') },
        { name: 'small', attributes: { driverVersion: { version: '2.1.0' } }, ...memory('40Gi') },
        { name: 'right', attributes: { driverVersion: { version: '2.1.0' } }, ...memory('80Gi') },
      ]),
    ],
    claims: [
      claim('c', [
        request('r', {
          ...cel(
            `device.attributes['${DRIVER}'].driverVersion.isGreaterThan(semver('2.0.0')) && device.capacity['${DRIVER}'].memory.compareTo(quantity('64Gi')) >= 0`,
          ),
        }),
      ]),
    ],
    answer: 'r=right',
  },
  {
    name: 'takes a domain that a device says nothing of for an empty one',
    slices: two,
    claims: [claim('c', [request('r', cel(`!has(device.attributes['other.io'].model) && !('other.io' in device.attributes)`))])],
    answer: 'r=a',
  },
  {
    name: 'goes back on a choice that leaves too little for a constraint',
    slices: [
      slice('n', [
        { name: 'a', ...numa(0) },
        { name: 'b', ...numa(1) },
        { name: 'c', ...numa(1) },
      ]),
    ],
    claims: [claim('c', [request('r'), request('s')], { spec: { devices: { constraints: [{ matchAttribute: `${DRIVER}/numa` }] } } })],
    answer: 'r=b s=c',
  },
  {
    name: 'holds a constraint over the requests it names only',
    slices: [
      slice('n', [
        { name: 'a', ...numa(0) },
        { name: 'b', ...numa(1) },
        { name: 'c', ...numa(1) },
      ]),
    ],
    claims: [
      claim('c', [request('r'), request('s'), request('t')], {
        spec: { devices: { constraints: [{ requests: ['s', 't'], matchAttribute: `${DRIVER}/numa` }] } },
      }),
    ],
    answer: 'r=a s=b t=c',
  },
  { name: 'takes all there are', slices: two, claims: [claim('c', [request('r', { allocationMode: 'All' })])], answer: 'r=a r=b' },
  {
    name: 'refuses all where one is taken',
    slices: two,
    claims: [claim('c', [request('r', { allocationMode: 'All' })])],
    allocated: ['b'],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'refuses all where there is none',
    slices: two,
    claims: [claim('c', [request('r', { allocationMode: 'All', ...cel('false') })])],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'waits with all for a pool that is being published',
    slices: [slice('n', [{ name: 'a' }], { pool: { name: 'n', generation: 1, resourceSliceCount: 2 } })],
    claims: [claim('c', [request('r', { allocationMode: 'All' })])],
    answer: `claim ns/c, request r: asks for all devices, but resource pool ${DRIVER}/n is currently being updated`,
  },
  {
    name: 'tells of an alternative by its own name',
    slices: [slice('n', [{ name: 'a' }], { pool: { name: 'n', generation: 1, resourceSliceCount: 2 } })],
    claims: [claim('c', [{ name: 'r', firstAvailable: [{ name: 'every', deviceClassName: 'gpu', allocationMode: 'All', count: 0 }] }])],
    answer: `claim ns/c, request every: asks for all devices, but resource pool ${DRIVER}/n is currently being updated`,
  },
  {
    name: 'asks no device that the search does not come to',
    slices: [slice('n', [{ name: 'a', ...numa(0) }, { name: 'b', ...numa(0) }, { name: 'c' }])],
    claims: [claim('c', [request('r', { count: 2, ...cel(`device.attributes['${DRIVER}'].numa == 0`) })])],
    answer: 'r=a r=b',
  },
  {
    name: 'counts only the newest generation of a pool',
    slices: [
      slice('n', [{ name: 'a' }]),
      slice('n', [{ name: 'b' }], { pool: { name: 'n', generation: 2, resourceSliceCount: 1 } }, 'newer'),
    ],
    claims: [claim('c', [request('r')])],
    answer: 'r=b',
  },
  {
    name: 'takes the first alternative that can be had',
    slices: two,
    claims: [
      claim('c', [
        {
          name: 'r',
          firstAvailable: [
            { name: 'many', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 4 },
            { name: 'two', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 },
            { name: 'one', deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 },
          ],
        },
      ]),
    ],
    answer: 'r/two=a r/two=b',
  },
  {
    name: 'shows an administrator devices that others have',
    slices: two,
    claims: [claim('c', [request('r', { adminAccess: true, count: 2 })])],
    allocated: ['a', 'b'],
    answer: 'r=a r=b',
  },
  {
    name: 'leaves tainted devices to those who tolerate it',
    slices: [
      slice('n', [
        { name: 'a', taints: [{ key: 'sick', effect: 'NoSchedule' }] },
        { name: 'b', taints: [{ key: 'odd', effect: 'None' }] },
      ]),
    ],
    claims: [claim('c', [request('r'), request('s', { tolerations: [{ key: 'sick', operator: 'Exists' }] })])],
    answer: 'r=b s=a',
  },
  {
    name: 'takes partitions as long as the card has room',
    slices: partitions('40Gi'),
    claims: [claim('c', [request('r', { count: 2 })])],
    allocated: ['a'],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'takes partitions that leave none for others',
    slices: partitions('40Gi'),
    claims: [claim('c', [request('r')]), claim('d', [request('r')])],
    answer: 'r=a | r=b',
  },
  {
    name: 'takes nothing of a pool whose devices consume what is not there',
    slices: partitions('40Gi', 'board'),
    claims: [claim('c', [request('r')])],
    answer: 'invalid resource pools were encountered',
  },
  {
    name: 'takes devices that must be made ready after all others',
    slices: [
      slice('n', [{ name: 'late', bindingConditions: ['Ready'] }]),
      slice('n', [{ name: 'now' }], { pool: { name: 'z', generation: 1, resourceSliceCount: 1 } }, 'z'),
    ],
    claims: [claim('c', [request('r', { count: 2 })])],
    answer: 'r=now r=late',
  },
  {
    name: 'takes devices that differ where they must',
    slices: [
      slice('n', [
        { name: 'a', ...numa(0) },
        { name: 'b', ...numa(0) },
        { name: 'c', ...numa(1) },
      ]),
    ],
    claims: [claim('c', [request('r', { count: 2 })], { spec: { devices: { constraints: [{ distinctAttribute: `${DRIVER}/numa` }] } } })],
    answer: 'r=a r=c',
  },
  {
    name: 'gives parts of a device to several claims, as long as there is enough',
    slices: [slice('n', [shareable('big', '40Gi')])],
    claims: [claim('c', [share('20Gi')]), claim('d', [share('10Gi')])],
    shared: { big: new Map([['memory', parseQuantity('10Gi')]]) },
    answer: 'r=big | r=big',
  },
  {
    name: 'refuses a part that is not left',
    slices: [slice('n', [shareable('big', '40Gi')])],
    claims: [claim('c', [share('20Gi')]), claim('d', [share('11Gi')])],
    shared: { big: new Map([['memory', parseQuantity('10Gi')]]) },
    answer: 'cannot allocate all claims',
  },
  {
    name: 'takes a shared device once for each request',
    slices: [slice('n', [shareable('big', '40Gi'), shareable('other', '40Gi')])],
    claims: [claim('c', [share('10Gi', { count: 2 })])],
    answer: 'r=big r=other',
  },
  {
    name: 'knows no part of what a device does not have',
    slices: [slice('n', [shareable('big', '40Gi')])],
    claims: [claim('c', [request('r', { capacity: { requests: { cores: '1' } } })])],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'takes what every object inherits for no capacity of a device',
    slices: [slice('n', [shareable('big', '40Gi')])],
    claims: [claim('c', [request('r', { capacity: { requests: { constructor: '1' } } })])],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'looks for a device of its own that is great enough',
    slices: [
      slice('n', [
        { name: 'small', ...memory('10Gi') },
        { name: 'great', ...memory('20Gi') },
      ]),
    ],
    claims: [claim('c', [share('15Gi')])],
    answer: 'r=great',
  },
  {
    name: 'asks devices for their nodes where the slice does not say',
    slices: [
      slice(
        'n',
        [
          { name: 'a', nodeName: 'm' },
          { name: 'b', nodeName: 'n' },
        ],
        { nodeName: undefined, perDeviceNodeSelection: true } as never,
      ),
    ],
    claims: [claim('c', [request('r')])],
    answer: 'r=b',
  },
  {
    name: 'knows bindings in expressions',
    slices: [
      slice('n', [
        { name: 'a', ...numa(0) },
        { name: 'b', ...numa(1) },
      ]),
    ],
    claims: [claim('c', [request('r', cel(`cel.bind(own, device.attributes['${DRIVER}'], own.numa == 1)`))])],
    answer: 'r=b',
  },
  {
    name: 'tells of an expression that fails',
    slices: two,
    claims: [claim('c', [request('r', { deviceClassName: 'broken' })])],
    answer: 'class broken: selector #0: CEL runtime error: no such key: y',
  },
  {
    name: 'tells of an expression that is none',
    slices: two,
    claims: [claim('c', [request('r', cel('device.'))])],
    answer: /^claim ns\/c: selector #0: CEL compile error: compilation failed: ERROR: <input>:1:8: Syntax error/ as never,
  },
  {
    name: 'tells of an expression that is no question',
    slices: two,
    claims: [claim('c', [request('r', cel('device.driver'))])],
    answer: 'claim ns/c: selector #0: CEL compile error: must evaluate to bool or the unknown type, not string',
  },
  {
    name: 'refuses more devices than a claim may have',
    slices: [
      slice(
        'n',
        Array.from({ length: 40 }, (_, i) => ({ name: `d${i}` })),
      ),
    ],
    claims: [claim('c', [request('r', { count: 33 })])],
    answer: 'claim ns/c: number of requested devices 33 exceeds the claim limit of 32',
  },
  {
    name: 'sees at once that there is one too few, of many',
    slices: [
      slice(
        'n',
        Array.from({ length: 30 }, (_, i) => ({ name: `d${i}` })),
      ),
    ],
    claims: [claim('c', [request('r', { count: 31 })])],
    answer: 'cannot allocate all claims',
  },
  {
    name: 'gives a search up that has no end',
    slices: [
      slice(
        'n',
        Array.from({ length: 24 }, (_, i) => ({ name: `d${i}`, ...numa(i) })),
      ),
    ],
    claims: [claim('c', [request('r', { count: 12, ...cel(`device.attributes['${DRIVER}'].numa >= 0`) }), request('s', cel('false'))])],
    answer: 'timed out trying to allocate devices',
  },
];

for (const { name, slices, claims, allocated = [], shared = {}, answer } of cases) {
  test(`allocate ${name}`, () => {
    const nameOf = (id: string): string => id.slice(id.lastIndexOf('/') + 1);
    const found = allocate({
      claims,
      node: node('n'),
      pools: poolsOf(slices).on(node('n')),
      allocated: { isAllocated: (id) => allocated.includes(nameOf(id)), consumed: (id) => shared[nameOf(id)] },
      deviceClass: (wanted) => CLASSES.find(({ metadata }) => metadata.name === wanted),
      selectors: new DeviceSelectors(),
    });
    const said =
      found.kind === 'allocated'
        ? found.allocation
            .map((taken) => taken.map(({ wanted, published }) => `${wanted.name}=${published.device.name}`).join(' '))
            .join(' | ')
        : found.kind === 'refused'
          ? found.reason
          : found.message;
    if (typeof answer === 'string') assert.equal(said, answer);
    else assert.match(said, answer);
  });
}
