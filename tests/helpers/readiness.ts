/** What `/readyz` of a node says: its status, and its body as text. */
export async function readiness({ http }: { readonly http: string }): Promise<string> {
  const response = await fetch(`${http}/readyz`);
  return `${response.status} ${await response.text()}`;
}
