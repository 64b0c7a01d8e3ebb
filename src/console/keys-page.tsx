/** API keys: who may do what. A new key is shown once, in the answer to the form that makes it. */
import type { Context, Hono } from 'hono'
import type { z } from 'zod'
import {
  allows,
  createdKey,
  type KeyRecord,
  keyList,
  type Scope,
  scopes,
} from '../auth/api-keys.ts'
import { type ApiProblem, apiProblem, read, succeeded } from './api.ts'
import type { ConsoleEnv } from './console-env.ts'
import { readTexts } from './form-texts.ts'
import { Empty, page } from './layout.tsx'
import { PageTitle, Table, Tag, Time, TypedConfirmation } from './parts.tsx'

type C = Context<ConsoleEnv>

const allowed: Record<Scope, string> = {
  feeds: 'Poll the feeds. For Klaviyo.',
  read: 'See everything. For colleagues who only look.',
  write: 'See and change everything but keys. For merchandisers and tills.',
  admin: 'Everything, keys and erasing people too.',
}

export function keysPages(pages: Hono<ConsoleEnv>): void {
  pages.get('/keys', (c) => keysPage(c))
  pages.post('/keys', async (c) => {
    const { name = '', scope = '' } = await readTexts(c)
    const answer = await c.get('api')('POST', '/v1/keys', { body: { name, scopes: [scope] } })
    if (answer.status === 422)
      return keysPage(c, { name, scope, problem: apiProblem.parse(answer.body) })
    return keysPage(c, { made: createdKey.parse(succeeded(answer)) })
  })
  pages.get('/keys/:id{[0-9]+}/revoke', (c) => revokePage(c, Number(c.req.param('id'))))
  pages.post('/keys/:id{[0-9]+}/revoke', async (c) => {
    const id = Number(c.req.param('id'))
    const { typed } = await readTexts(c)
    const key = await findKey(c, id)
    if (typed !== key?.name.trim())
      return revokePage(c, id, 'This is not its name: nothing was revoked.')
    succeeded(await c.get('api')('DELETE', `/v1/keys/${id}`))
    return c.redirect('/console/keys', 303)
  })
}

const listKeys = async (c: C) => (await read(c.get('api'), '/v1/keys', keyList)).keys
const findKey = async (c: C, id: number) => (await listKeys(c)).find((key) => key.id === id)

type View = {
  name?: string
  scope?: string
  problem?: ApiProblem
  made?: z.infer<typeof createdKey>
}

async function keysPage(c: C, view: View = {}) {
  const principal = c.get('principal')
  if (!allows(principal.scopes, 'admin'))
    return page(
      c,
      { title: 'Keys', status: 403 },
      <>
        <PageTitle title="Keys" />
        <Empty title="Keys are for administrators">
          <p>Sign in with a key that has the scope "admin" to see, make and revoke keys.</p>
        </Empty>
      </>,
    )
  const keys = await listKeys(c)
  const valid = keys.filter(({ revoked_at }) => revoked_at === null)
  const revoked = keys.filter(({ revoked_at }) => revoked_at !== null)
  return page(
    c,
    { title: 'Keys', status: view.problem ? 422 : 200 },
    <>
      <PageTitle
        title="Keys"
        hint="One for each person, till and service, so that each can be revoked alone."
      />
      {view.made && <Made made={view.made} />}
      <NewKey {...view} />
      <section class="part">
        <h2>Valid keys</h2>
        <KeyTable keys={valid} ownId={principal.id} />
      </section>
      {revoked.length > 0 && (
        <details class="part">
          <summary>{`Revoked keys (${revoked.length})`}</summary>
          <KeyTable keys={revoked} ownId={principal.id} />
        </details>
      )}
    </>,
  )
}

function Made({ made: { key, name } }: { made: z.infer<typeof createdKey> }) {
  return (
    <section class="block done" role="status" aria-labelledby="made">
      <h2 id="made">{`The key "${name}" is made`}</h2>
      <p>Copy it now: it is shown this once, and stored nowhere.</p>
      <p>
        <code class="key">{key}</code>
      </p>
    </section>
  )
}

function NewKey({ name, scope = 'write', problem, made }: View) {
  const error = problem?.errors.find(({ field }) => field === 'name')?.detail ?? problem?.detail
  return (
    <form class="block new-key" method="post" action="/console/keys">
      <h2>New key</h2>
      <div class="fields">
        <div class="field">
          <label for="name">Whose, or what for</label>
          <input
            id="name"
            name="name"
            required
            maxlength={255}
            value={made ? undefined : name}
            placeholder="Till 3, Boston"
            autocomplete="off"
            aria-invalid={error ? 'true' : undefined}
            aria-describedby={error ? 'name-error' : undefined}
          />
          {error && (
            <p class="error" id="name-error" role="alert">
              {error}
            </p>
          )}
        </div>
        <fieldset class="field choices">
          <legend>What it may do</legend>
          {scopes.map((one) => (
            <label>
              <input type="radio" name="scope" value={one} checked={one === scope} />
              <span>
                <strong>{one}</strong> <span class="soft">{allowed[one]}</span>
              </span>
            </label>
          ))}
        </fieldset>
      </div>
      <button class="primary" type="submit">
        Make the key
      </button>
    </form>
  )
}

function KeyTable({ keys, ownId }: { keys: KeyRecord[]; ownId: number }) {
  return (
    <Table
      label="Keys"
      rows={keys}
      columns={[
        {
          label: 'Name',
          cell: ({ id, name }) => (
            <>
              {name} {id === ownId && <Tag tone="soft">yours</Tag>}
            </>
          ),
        },
        { label: 'May', cell: (key) => key.scopes.join(', ') },
        { label: 'Made', cell: ({ created_at }) => <Time at={created_at} /> },
        { label: 'Last used', cell: ({ last_used_at }) => <Time at={last_used_at} /> },
        {
          label: 'Revoke',
          cell: ({ id, name, revoked_at }) =>
            revoked_at === null ? (
              <a class="button danger" href={`/console/keys/${id}/revoke`}>
                Revoke…<span class="hidden">{` ${name}`}</span>
              </a>
            ) : (
              <>
                revoked <Time at={revoked_at} />
              </>
            ),
        },
      ]}
    />
  )
}

async function revokePage(c: C, id: number, problem?: string) {
  const key = await findKey(c, id)
  if (!key || key.revoked_at !== null) return c.redirect('/console/keys', 303)
  const isOwn = key.id === c.get('principal').id
  return page(
    c,
    { title: 'Revoke a key', status: problem ? 422 : 200 },
    <>
      <PageTitle title={`Revoke "${key.name}"`} back={['/console/keys', 'Keys']} />
      <form class="block ask field" method="post" action={`/console/keys/${id}/revoke`}>
        <p>
          Whoever uses it is turned away at once, and its sessions end. This cannot be undone. It
          was last used <Time at={key.last_used_at} />.
        </p>
        {isOwn && (
          <p class="error own" role="alert">
            This is the key that you are signed in with: you will be signed out.
          </p>
        )}
        <TypedConfirmation toDo="revoke it, type its name" text={key.name} problem={problem} />
        <p class="actions">
          <button class="danger" type="submit">
            Revoke
          </button>
          <a class="button" href="/console/keys">
            Cancel
          </a>
        </p>
      </form>
    </>,
  )
}
