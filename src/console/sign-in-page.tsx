import type { Context } from 'hono'
import type { ConsoleEnv } from './console-env.ts'
import { KeptFields, type KeptForm } from './kept-form.tsx'
import { page } from './layout.tsx'

type SignInPage = {
  next?: string | undefined
  /** Null: a form that could not be kept. */
  kept?: KeptForm | null | undefined
  error?: string
  status?: 401 | 403 | 422
}

export function signInPage(c: Context<ConsoleEnv>, { next, kept, error, status }: SignInPage) {
  return page(
    c,
    { title: 'Sign in', ...(status ? { status } : {}) },
    <form class="sign-in" method="post" action="/console/sign-in" enctype="multipart/form-data">
      <h1>Sign in to storefeed</h1>
      {kept !== undefined && (
        <p role="alert">
          {kept
            ? 'Your session has ended. What you typed is kept: sign in, then send it again.'
            : 'Your session has ended, and nothing was saved: it was too much to keep, or a file. Go back to copy what you typed.'}
        </p>
      )}
      <p class="soft">With an API key. What it may do, you may do.</p>
      {next && <input type="hidden" name="next" value={next} />}
      {kept && <KeptFields {...kept} />}
      <label for="key">API key</label>
      <input
        id="key"
        name="key"
        type="password"
        required
        autocomplete="current-password"
        aria-invalid={error ? 'true' : undefined}
        aria-describedby={error ? 'key-error' : undefined}
        autofocus
      />
      {error && (
        <p class="error" id="key-error" role="alert">
          {error}
        </p>
      )}
      <button class="primary" type="submit">
        Sign in
      </button>
      <p class="soft">
        No key yet? The first start of the server prints one; <code>storefeed keys create</code>{' '}
        makes others.
      </p>
    </form>,
  )
}
