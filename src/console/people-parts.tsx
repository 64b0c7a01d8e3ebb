/** A person is opened by a form: an id may be an e-mail, and none may stand in an address. */
import type { Customer } from '../customers/customer-schemas.ts'

export const nameOf = ({ first_name, last_name }: Customer) =>
  [first_name, last_name].filter((part) => part !== null && part !== '').join(' ')

/** Generated ids tell nobody anything. */
const shownId = (id: string) => (id.startsWith('storefeed-') ? 'Open the person' : id)

export function PersonButton({ id, name }: { id: string; name?: string }) {
  return (
    <form method="post" action="/console/people/person">
      <input type="hidden" name="id" value={id} />
      <button class="link" type="submit">
        {name || shownId(id)}
      </button>
    </form>
  )
}
