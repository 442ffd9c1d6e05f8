/** The value below which `part` of the values are, 0 to 1. Puts them in order. */
export function percentile(values: number[], part: number): number {
  values.sort((a, b) => a - b);
  return values[Math.min(Math.floor(values.length * part), values.length - 1)] ?? Number.NaN;
}
