/** A person is opened by a form: an id may be an e-mail, and none may stand in an address. */
import { z } from 'zod'

export const person = z.looseObject({
  id: z.string(),
  email: z.string().nullable(),
  phone_number: z.string().nullable(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  most_recent_store_id: z.string().nullable(),
  most_recent_store_at: z.string().nullable(),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  warnings: z.array(z.object({ detail: z.string() })),
  known_at: z.string(),
  created_at: z.string(),
})
export type Person = z.infer<typeof person>

export const nameOf = ({ first_name, last_name }: Person) =>
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
