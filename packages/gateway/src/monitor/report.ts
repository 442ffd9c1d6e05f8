/** What a node says of itself to those who look after it. */
import type { MetricsSnapshot } from '../metrics/snapshot.ts';

export interface NodeReport {
  /** Its id, another one after each start. */
  readonly node: string;
  /** Its machine and port. */
  readonly address: string;
  readonly version: string;
  readonly role: 'all' | 'gateway' | 'worker';
  readonly state: 'serving' | 'draining';
  /** Why a part is not ready, by its name, as `/readyz` says it; those that are ready are not here. */
  readonly faults: Readonly<Record<string, string>>;
  readonly metrics: MetricsSnapshot;
}

/** Of all nodes, as one of them has heard it. */
export interface HeardReport extends Omit<NodeReport, 'state'> {
  /** `silent`: it did not answer, and the rest is what it said when it last did. */
  readonly state: NodeReport['state'] | 'silent';
  /** When it said so, by the clock of who asked: milliseconds since the epoch. */
  readonly heardAt: number;
}
