/** Patterns of personal data and keys, each with its replacement. */
const masks: [RegExp, string][] = [
  [/\b(?:sf|pk)_[\w-]{16,}/g, '(key)'],
  [/\bkey=[^&\s"']+/gi, 'key=(key)'],
  [/\b(Bearer|Basic|Klaviyo-API-Key) [^\s"',]+/gi, '$1 (key)'],
  [/[^\s"'<>(),;:=/]+(?:@|%40)[^\s"'<>(),;:=/]+/gi, '(e-mail)'],
  // Seven digits or more; in an IPv4 address, dots separate fewer.
  [/\+?\(?\d(?:[\s()-]{0,2}\d){6,}|\b\d{3}\.\d{3}\.\d{4}\b/g, '(number)'],
]

/** Masks keys, e-mails and telephone numbers. Names cannot be recognized: text that may hold one is not logged at all. */
export function mask(text: string): string {
  return masks.reduce((masked, [pattern, shown]) => masked.replace(pattern, shown), text)
}
