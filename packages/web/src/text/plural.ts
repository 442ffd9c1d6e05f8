type Forms = { readonly other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

/** Picks the form that a count takes in `locale`; `#` in it stands for the count. */
export function pluralIn(locale: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  return (count, forms) =>
    (forms[rules.select(count)] ?? forms.other).replace('#', numbers.format(count));
}
