// The figures of all elections of a process, by the names of their Leases. Source: client-go tools/leaderelection metrics.go,
// component-base/metrics/prometheus/clientgo/leaderelection.
import { CounterFamily, GaugeFamily } from '#base/metrics.ts';

export class LeaderMetrics {
  readonly #leading = new GaugeFamily(
    'leader_election_master_status',
    "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
    ['name'],
  );
  readonly #slow = new CounterFamily(
    'leader_election_slowpath_total',
    "Total number of slow path exercised in renewing leader leases. 'name' is the string used to identify the lease. Please make sure to group by name.",
    ['name'],
  );

  leads(name: string, does: boolean): void {
    this.#leading.of(name).set(does ? 1 : 0);
  }

  /** A renewal met a Lease that had changed, and had to read it. */
  slowPath(name: string): void {
    this.#slow.of(name).add();
  }

  /** Prometheus' text format. */
  expose(): string {
    return this.#leading.expose() + this.#slow.expose();
  }
}
