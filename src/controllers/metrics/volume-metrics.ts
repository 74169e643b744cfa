// How many volumes and claims there are, counted when somebody asks. Source: pkg/controller/volume/persistentvolume/metrics.
import { gauge } from '#base/metrics.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { className } from '#api/volumes.ts';
import type { Informer } from '#client/informer-contract.ts';
import { pluginName } from '../persistent-volume/plugin-name.ts';
import { count } from './count.ts';

interface Listed {
  readonly volumes: Pick<Informer<PersistentVolume>, 'list'>;
  readonly claims: Pick<Informer<PersistentVolumeClaim>, 'list'>;
}

const CLASS = ['storage_class'];
const CLAIM = ['namespace', 'storage_class', 'volume_attributes_class'];

export class VolumeMetrics {
  #listed: Listed | undefined;

  /** In place of those before: a lead that comes back has informers of its own. */
  follow(listed: Listed): void {
    this.#listed = listed;
  }

  /** Prometheus' text format. */
  expose(): string {
    if (this.#listed === undefined) return '';
    const [volumes, claims] = [[...this.#listed.volumes.list()], [...this.#listed.claims.list()]];
    const isBound = ({ status }: PersistentVolume | PersistentVolumeClaim): boolean => status?.phase === 'Bound';
    const ofClaim = (claim: PersistentVolumeClaim): readonly string[] => [
      claim.metadata.namespace,
      className(claim),
      claim.spec.volumeAttributesClassName ?? '',
    ];
    const ofVolume = (volume: PersistentVolume): readonly string[] => [className(volume)];
    const kind = (volume: PersistentVolume): readonly string[] => [pluginName(volume), volume.spec.volumeMode ?? 'Filesystem'];
    return [
      counted('total_pv_count', 'Gauge measuring total number of persistent volumes', ['plugin_name', 'volume_mode'], volumes.map(kind)),
      counted(
        'bound_pv_count',
        'Gauge measuring number of persistent volume currently bound',
        CLASS,
        volumes.filter(isBound).map(ofVolume),
      ),
      counted(
        'unbound_pv_count',
        'Gauge measuring number of persistent volume currently unbound',
        CLASS,
        volumes.filter((volume) => !isBound(volume)).map(ofVolume),
      ),
      counted(
        'bound_pvc_count',
        'Gauge measuring number of persistent volume claim currently bound',
        CLAIM,
        claims.filter(isBound).map(ofClaim),
      ),
      counted(
        'unbound_pvc_count',
        'Gauge measuring number of persistent volume claim currently unbound',
        CLAIM,
        claims.filter((claim) => !isBound(claim)).map(ofClaim),
      ),
    ].join('');
  }
}

function counted(name: string, help: string, labels: readonly string[], each: readonly (readonly string[])[]): string {
  return gauge(`pv_collector_${name}`, help, labels, count(each));
}
