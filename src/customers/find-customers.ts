/** Finds customers by what a person knows of them. */
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Queryable } from '../db/connection.ts'
import { customers, phoneDigits } from '../db/schema/customers.ts'
import { text } from '../lib/fields.ts'
import { type Customer, maxFound } from './customer-schemas.ts'

export const customerSearch = z
  .strictObject({
    id: text(255).optional(),
    email: text(320).optional().meta({ description: 'In upper or lower case' }),
    phone_number: text(64)
      .regex(/[0-9]/, 'must hold digits: only they count')
      .optional()
      .meta({ description: 'Only its digits count' }),
  })
  .refine(
    (given) => Object.values(given).some((value) => value !== undefined),
    'needs an id, an email or a phone_number',
  )
  .meta({ id: 'CustomerSearch' })
type Search = z.infer<typeof customerSearch>

/** By the id first, then the oldest. */
export async function findCustomers(
  db: Queryable,
  { id, email, phone_number }: Search,
): Promise<{ customers: Customer[] }> {
  const digits = phone_number?.replaceAll(/[^0-9]/g, '')
  const rows = await db.execute<{ record: Customer }>(sql`
    select to_jsonb(c) - 'field_times' as record from ${customers} c
    where c.id in (
      select id from ${customers} where id = ${id ?? null}
      union select id from ${customers} where email_key(email) = email_key(${email?.trim() ?? null})
      union select id from ${customers} where ${phoneDigits(sql`phone_number`)} = ${digits ?? null}
    )
    order by c.id = ${id ?? ''} desc, c.created_at, c.id limit ${maxFound}`)
  return { customers: rows.map(({ record }) => record) }
}
