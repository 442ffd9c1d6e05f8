/** The variable with the token of the commands that talk to a server; a flag could be read by others. */
export const TOKEN_VARIABLE = 'PARLEY_TOKEN';

export function clientToken(): string | undefined {
  return process.env[TOKEN_VARIABLE]?.trim() || undefined;
}
