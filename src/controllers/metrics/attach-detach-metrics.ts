// Attachments of volumes: what was done, and what there is, counted when somebody asks. Source: attachdetach/metrics
// metrics.go, pkg/volume/util metrics.go.
import { CounterFamily, gauge, HistogramFamily } from '#base/metrics.ts';
import { CSI_PLUGIN } from '#api/csi.ts';
import type { PersistentVolume } from '#api/types.ts';
import { pluginName } from '../persistent-volume/plugin-name.ts';
import { count } from './count.ts';

/** Seconds. */
const OPERATION_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 25, 50, 120, 300, 600];

interface Followed {
  /** Volumes as often as they are attached, or to be. */
  present(): Iterable<PersistentVolume | undefined>;
  wanted(): Iterable<PersistentVolume | undefined>;
  used(): Iterable<readonly [node: string, volume: PersistentVolume]>;
}

export class AttachDetachMetrics {
  readonly #operations = new HistogramFamily(
    'storage_operation_duration_seconds',
    'Storage operation duration',
    ['migrated', 'operation_name', 'status', 'volume_plugin'],
    OPERATION_SECONDS,
  );
  readonly #forced = new CounterFamily(
    'attachdetach_controller_forced_detaches',
    'Number of times the A/D Controller performed a forced detach',
    ['reason'],
  );
  #followed: Followed | undefined;

  /** In place of those before: a lead that comes back has informers of its own. */
  follow(followed: Followed): void {
    this.#followed = followed;
  }

  operation(name: 'volume_attach' | 'volume_detach', driver: string, status: 'success' | 'fail-unknown', seconds: number): void {
    this.#operations.of('false', name, status, `${CSI_PLUGIN}:${driver}`).observe(seconds);
  }

  forced(reason: 'timeout' | 'out-of-service'): void {
    this.#forced.of(reason).add();
  }

  /** Prometheus' text format. */
  expose(): string {
    return this.#operations.expose() + this.#forced.expose() + this.#exposeFollowed();
  }

  #exposeFollowed(): string {
    if (this.#followed === undefined) return '';
    const states = [
      ...Array.from(this.#followed.wanted(), (volume) => [nameOf(volume), 'desired_state_of_world']),
      ...Array.from(this.#followed.present(), (volume) => [nameOf(volume), 'actual_state_of_world']),
    ];
    const used = Array.from(this.#followed.used(), ([node, volume]) => [node, nameOf(volume)]);
    return (
      gauge('attachdetach_controller_total_volumes', 'Number of volumes in A/D Controller', ['plugin_name', 'state'], count(states)) +
      gauge('storage_count_attachable_volumes_in_use', 'Measure number of volumes in use', ['node', 'volume_plugin'], count(used))
    );
  }
}

const nameOf = (volume: PersistentVolume | undefined): string => (volume === undefined ? CSI_PLUGIN : pluginName(volume));
