// The shapes of upstream's test/integration/scheduler_perf, by name.
import type { Shape } from './shape.ts';
import { AFFINITY_SHAPES } from './shapes/affinity.ts';
import { BASIC_SHAPES } from './shapes/basic.ts';
import { DEVICE_SHAPES } from './shapes/devices.ts';
import { VOLUME_SHAPES } from './shapes/volumes.ts';

export const SHAPES: Readonly<Record<string, Shape>> = { ...BASIC_SHAPES, ...AFFINITY_SHAPES, ...VOLUME_SHAPES, ...DEVICE_SHAPES };
