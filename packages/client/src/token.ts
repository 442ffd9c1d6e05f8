/** Who is asking: a token, or what gives one, at once or later. */
export type Token = string | (() => string | Promise<string>);
