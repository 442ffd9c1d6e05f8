/** The variable with the token of the commands that talk to a server; a flag could be read by others. */
export const TOKEN_VARIABLE = 'PARLEY_TOKEN';

export function clientToken(): string | undefined {
  return process.env[TOKEN_VARIABLE]?.trim() || undefined;
}

/** For the help of those commands. */
export const TOKEN_HELP = `A server that asks who is asking is told by the variable ${TOKEN_VARIABLE}.`;

export function tokenWanted(url: string): string {
  return `The server at ${url} wants to know who is asking: put a token that it knows into the variable ${TOKEN_VARIABLE}.`;
}
