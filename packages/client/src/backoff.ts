/** Upper bound of a delay before trying again, milliseconds. */
const CAP_MS = 30_000;
/** Upper bound of the first delay, milliseconds; it doubles with every failure. */
const BASE_MS = 500;

/**
 * How long to wait after so many failures in a row (0 or more), at most `cap`; milliseconds.
 *
 * Full jitter: anywhere between nothing and the bound, so that a thousand clients that were cut
 * together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function retryDelay(failures: number, cap = CAP_MS): number {
  return Math.random() * Math.min(cap, BASE_MS * 2 ** failures);
}
