/** Patterns of keys and personal data, each with its replacement. */
const keys: [RegExp, string][] = [
  [/\b(?:sf|pk)_[\w-]{16,}/g, '(key)'],
  [/\bkey=[^&\s"']+/gi, 'key=(key)'],
  [/\b(Bearer|Basic|Klaviyo-API-Key) [^\s"',]+/gi, '$1 (key)'],
]
const word = /[^\s"'<>(),;:=/]+/g
const email = /.(?:@|%40)./is
/** Seven digits or more; in an IPv4 address, dots separate fewer. */
const number = /\+?\(?\d(?:[\s()-]{0,2}\d){6,}|\b\d{3}\.\d{3}\.\d{4}\b/g

/** A longer text helps nobody. */
const usualCharacters = 2_000

/**
 * Masks keys, e-mails and telephone numbers, and cuts long text. Names cannot be recognized: text that may hold one is not
 * logged at all.
 */
export function mask(text: string, maxCharacters = usualCharacters): string {
  const isCut = text.length > maxCharacters
  const shown = isCut ? withoutPartialWord(text.slice(0, maxCharacters)) : text
  const masked = keys
    .reduce((done, [pattern, hidden]) => done.replace(pattern, hidden), shown)
    .replace(word, (found) => (email.test(found) ? '(e-mail)' : found))
    .replace(number, '(number)')
  return isCut ? `${masked}…` : masked
}

/** What was cut in two may no longer match its pattern: the last word, and digits in groups before it. */
const withoutPartialWord = (text: string) =>
  text
    .replace(/(?<![^\s"'<>(),;:=/])[^\s"'<>(),;:=/]*$/, '')
    .replace(/(?<![\d\s()+.-])[\d\s()+.-]*$/, '')
