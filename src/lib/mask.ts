/** In charge of masking what a text of somebody else's making may hold of a person or a key. */

/** What each looks like, and what is shown in its place. */
const masks: [RegExp, string][] = [
  [/\b(?:sf|pk)_[\w-]{16,}/g, '(key)'],
  [/\bkey=[^&\s"']+/gi, 'key=(key)'],
  [/\b(Bearer|Basic|Klaviyo-API-Key) [^\s"',]+/gi, '$1 (key)'],
  [/[^\s"'<>(),;:=/]+(?:@|%40)[^\s"'<>(),;:=/]+/gi, '(e-mail)'],
  // Seven digits or more: of an address of this machine, dots part fewer.
  [/\+?\(?\d(?:[\s()-]{0,2}\d){6,}|\b\d{3}\.\d{3}\.\d{4}\b/g, '(number)'],
]

/** The text without keys, e-mails and telephone numbers. A name looks like any other word: texts that may hold one are not logged. */
export function mask(text: string): string {
  return masks.reduce((masked, [pattern, shown]) => masked.replace(pattern, shown), text)
}
