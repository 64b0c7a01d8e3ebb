/** In which fields each kind of finding is fixed. */
import { type Field, fieldNamed, type Kind } from './kinds.ts'

const addresses = ['link', 'image_link']

const fieldsByCode: Record<string, string[]> = {
  no_link: ['link'],
  no_image: ['image_link'],
  not_https: addresses,
  several_addresses: addresses,
  address_with_space: addresses,
  category_with_comma: ['categories'],
  title_used_twice: ['title'],
  id_used_twice: ['published'],
  sku_used_twice: ['sku'],
  no_price: ['price'],
  sold_nowhere: ['published'],
  no_address: ['address1', 'city'],
  no_coordinates: ['latitude', 'longitude'],
}

export function fieldsOfFinding({ groups }: Kind, code: string): Field[] {
  const names = fieldsByCode[code] ?? []
  return groups.flatMap(({ fields }) => fields).filter(({ name }) => names.includes(name))
}

/** What cannot be fixed in a row of the list. */
export const otherwise: Record<string, string> = {
  category_with_comma: 'Open each to rename the category: in one line a comma would make two.',
  sold_nowhere: 'Select them and choose "Sell in…", or take them out of the feed here.',
  id_used_twice: 'An id stays as it is: open the wrong one and remove it, or hide it here.',
  list_too_long: 'Open one in Klaviyo and see whether it is complete.',
}

/** As a list whose columns are those fields. */
export function kindOfFinding(kind: Kind, code: string): Kind {
  const [title, ...columns] = kind.columns
  const own = fieldsOfFinding(kind, code).filter(
    ({ name }) => name !== 'title' && name !== 'published',
  )
  const published = columns.filter(({ name }) => name === 'published')
  const wide = own.map((field) => ({ ...field, width: 'middle' }))
  return { ...kind, columns: [...(title ? [title] : []), ...wide, ...published] }
}

/** Says "image address" where the report says `image_link`. */
export const inLabels = (words: string) =>
  words.replace(
    /\b[a-z]+(?:_[a-z]+|\d)\b/g,
    (name) => fieldNamed(name)?.label.toLowerCase() ?? name,
  )
