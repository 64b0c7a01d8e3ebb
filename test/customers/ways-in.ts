/** The ways by which something is said about a customer: REST, a file, plain SQL. */
import { sql } from 'drizzle-orm'
import { importKinds } from '../../src/import-export/import-kinds.ts'
import type { TestServer } from '../support/server.ts'

export type Fact = { id: string; customer: Record<string, unknown>; at?: string }
export type Way = (server: TestServer, fact: Fact) => Promise<void>

async function byRest(server: TestServer, path: string, body: object): Promise<void> {
  const { status, text } = await server.ask('POST', path, body)
  if (status !== 201) throw new Error(text)
}

async function byFile({ database }: TestServer, name: string, value: object): Promise<void> {
  const batch = importKinds.find((kind) => kind.name === name)?.startBatch(false)
  const invalid = batch?.add(value)
  const written = await batch?.write(database.db, { currency: 'USD', dryRun: false })
  if (invalid !== null || written?.rejected.length !== 0) throw new Error(JSON.stringify(written))
}

const order = ({ id, customer, at }: Fact) => ({ id, total: 10, customer, placed_at: at })
const visit = ({ customer, at }: Fact) => ({ customer, store_id: 'market', at })

/** As a till does it: whatever the customer's row holds is overwritten with what the till has. */
async function bySql({ database }: TestServer, { id, customer, at }: Fact): Promise<void> {
  await database.db.transaction(async (tx) => {
    const columns = Object.keys(customer).map((column) => sql.identifier(column))
    const list = (prefix: string) =>
      sql.join(
        columns.map((column) => sql`${sql.raw(prefix)}${column}`),
        sql`, `,
      )
    await tx.execute(sql`
      insert into customers (known_at, ${list('')})
      select coalesce(${at ?? null}::timestamptz, now()), ${list('r.')}
      from jsonb_populate_record(null::customers, ${JSON.stringify({ metadata: {}, ...customer })}::jsonb) r
      on conflict (id) do update set (${list('')}) = row(${list('excluded.')})`)
    await tx.execute(sql`
      insert into orders (id, customer_id, placed_at, currency, total)
      values (${id}, ${customer.id}, coalesce(${at ?? null}::timestamptz, now()), 'USD', 10)`)
  })
}

export const ways = {
  'an order by REST': (server, fact) => byRest(server, '/v1/orders', order(fact)),
  'a visit by REST': (server, fact) => byRest(server, '/v1/visits', visit(fact)),
  'an order of a file': (server, fact) => byFile(server, 'orders', order(fact)),
  'a visit of a file': (server, fact) => byFile(server, 'visits', visit(fact)),
  'an order by SQL': bySql,
} satisfies Record<string, Way>
