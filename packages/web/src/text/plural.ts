type Forms = { readonly other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

/** Picks the form that a count takes in `locale`; `#` in it stands for the count. */
export function pluralIn(locale: string): (count: number, forms: Forms) => string {
  // Made when something is counted: the browser reads its tables for them, which holds up a page that opens.
  let rules: Intl.PluralRules | undefined;
  let numbers: Intl.NumberFormat | undefined;
  return (count, forms) => {
    rules ??= new Intl.PluralRules(locale);
    numbers ??= new Intl.NumberFormat(locale);
    return (forms[rules.select(count)] ?? forms.other).replace('#', numbers.format(count));
  };
}
