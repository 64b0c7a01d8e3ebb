/** Preloaded into a process, makes it another release: one that renders every item otherwise, and what is around them. */
import { formatters } from '../../src/feeds/formatters.ts'

const { json, xml } = formatters.products
formatters.products = {
  json: {
    ...json,
    head: '[ \n',
    separator: ' ,\n',
    item: (item) => json.item({ ...item, release: 'other' }),
  },
  xml: {
    ...xml,
    head: xml.head.replace('\n', '\n\n'),
    item: (item) => xml.item({ ...item, release: 'other' }),
  },
}
