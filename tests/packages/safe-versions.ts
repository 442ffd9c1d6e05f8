/**
 * Packages that were unsafe once, and since when they are not: the check that `npm audit` makes, without
 * a network. Add a line when an advisory is about something in the lock file.
 */

export interface SafeVersion {
  readonly name: string;
  /** The lowest version that none of the advisories is about. */
  readonly from: string;
  /** The newest ones that are fixed there; older ones are too. */
  readonly advisories: readonly string[];
  /** What could be done with a lower one. */
  readonly why: string;
}

export const SAFE_VERSIONS: readonly SafeVersion[] = [
  {
    name: 'ws',
    from: '8.21.0',
    advisories: ['GHSA-96hv-2xvq-fx4p', 'GHSA-58qx-3vcg-4xpx', 'GHSA-3h5v-q93c-6h6q'],
    why: 'Tiny fragments exhaust the memory, what was in it is disclosed, many headers end the process.',
  },
  {
    name: 'hono',
    from: '4.13.5',
    advisories: ['GHSA-crvj-82cr-hjcx', 'GHSA-8j4g-w8fx-2239', 'GHSA-88fw-hqm2-52qc'],
    why: 'Parameters are read from behind the fragment, and a CORS header takes forever to read.',
  },
  {
    name: '@hono/node-server',
    from: '1.19.15',
    advisories: ['GHSA-frvp-7c67-39w9', 'GHSA-92pp-h63x-v22m', 'GHSA-wc8c-qw6v-h7f6'],
    why: 'Slashes, encoded or repeated, lead past what guards a static file, and out of its directory.',
  },
  {
    name: 'node',
    from: '24.17.0',
    advisories: ['CVE-2026-21710', 'CVE-2026-21637', 'CVE-2025-59465'],
    why: 'A header named __proto__, a server name of TLS or a frame of HTTP/2 ends the process.',
  },
  {
    name: 'ai',
    from: '5.0.52',
    advisories: ['GHSA-rwvc-j5jr-mgvh'],
    why: 'A list of the file types that may be uploaded is passed by.',
  },
  {
    name: '@ai-sdk/provider-utils',
    from: '5.0.1',
    advisories: ['GHSA-866g-f22w-33x8'],
    why: 'What a download brings is read without a bound.',
  },
  {
    name: 'mermaid',
    from: '11.16.1',
    advisories: ['GHSA-6x64-9x62-f2gx', 'GHSA-3rrr-jr9j-h3q3', 'GHSA-ghcm-xqfw-q4vr'],
    why: 'A diagram styles what is around it, brings HTML of its own, or is drawn forever.',
  },
  {
    name: 'dompurify',
    from: '3.4.13',
    advisories: ['GHSA-55q2-fjhq-7xh7', 'GHSA-cmwh-pvxp-8882', 'GHSA-87xg-pxx2-7hvx'],
    why: 'Scripts get through.',
  },
  {
    name: 'katex',
    from: '0.16.21',
    advisories: ['GHSA-cg87-wmx4-v546'],
    why: 'A formula with \\htmlData runs scripts.',
  },
  {
    name: 'vite',
    from: '8.0.5',
    advisories: ['CVE-2026-39363', 'GHSA-v2wj-q39q-566r', 'GHSA-4w7w-66w2-5vf9'],
    why: 'Its development server gives every file of the machine away.',
  },
  {
    name: 'postcss',
    from: '8.5.23',
    advisories: ['GHSA-fxqj-rqcc-2cmp', 'GHSA-r28c-9q8g-f849'],
    why: 'The sourceMappingURL of hostile styles reads other files.',
  },
  {
    name: 'nanoid',
    from: '3.3.18',
    advisories: ['GHSA-2v37-7h3g-55p8', 'GHSA-28wg-ghj8-5hjv'],
    why: 'A size that is no whole number makes ids forever.',
  },
];
