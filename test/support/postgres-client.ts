/** The tests' own connections to Postgres, independent of storefeed's. */
import pg from 'pg'

/** To be ended by who opened it. The next query reports that it broke. */
export async function openClient(url: string, name = 'test'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Asks one thing on a connection of its own. */
export async function askPostgres<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
): Promise<Row[]> {
  const client = await openClient(url)
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
