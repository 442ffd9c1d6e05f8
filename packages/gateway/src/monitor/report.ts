/** What a node says of itself to those who look after it. */
import type { MetricsSnapshot } from '../metrics/snapshot.ts';

export interface NodeReport {
  /** Its id, another one after each start. */
  readonly node: string;
  readonly version: string;
  readonly role: 'all' | 'gateway' | 'worker';
  readonly state: 'serving' | 'draining';
  readonly metrics: MetricsSnapshot;
}

/** Of all nodes, as one of them has heard it. */
export interface HeardReport extends Omit<NodeReport, 'state'> {
  /** `silent`: it did not answer, and the rest is what it said when it last did. */
  readonly state: NodeReport['state'] | 'silent';
  /** When it said so, by the clock of who asked: milliseconds since the epoch. */
  readonly heardAt: number;
}
