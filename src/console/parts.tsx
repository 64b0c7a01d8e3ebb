/** What pages are put together from. */
import type { Child } from 'hono/jsx'

type PageTitleProps = {
  title: string
  /** Where the page was opened from. */
  back?: [path: string, label: string]
  /** A sentence about the page. */
  hint?: Child
  /** What can be done, beside the heading. */
  children?: Child
}

export function PageTitle({ title, back, hint, children }: PageTitleProps) {
  return (
    <div class="title">
      <div>
        {back && (
          <a class="back" href={back[0]}>
            {`← ${back[1]}`}
          </a>
        )}
        <h1>{title}</h1>
        {hint && <p class="soft">{hint}</p>}
      </div>
      {children}
    </div>
  )
}

/** To whom a page shows its fields only. */
export function ReadOnlyHint() {
  return (
    <>Your key may only look. To change something, sign in with one that has the scope "write".</>
  )
}

type Column<Row> = { label: string; cell: (row: Row) => Child; end?: boolean }

/** Rows to read; on a phone each becomes a list of its cells. */
export function Table<Row>({
  label,
  columns,
  rows,
}: {
  label: string
  columns: Column<Row>[]
  rows: Row[]
}) {
  return (
    <div class="scroll">
      <table class="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" class={column.end ? 'end' : undefined}>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {columns.map((column) => (
                <td class={column.end ? 'end' : undefined} data-label={column.label}>
                  <div>{column.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

type Tone = 'good' | 'bad' | 'warn' | 'soft'

/** A state in a word: the colour only repeats what the word says. */
export function Tag({ tone, children }: { tone: Tone; children: Child }) {
  return <span class={`tag ${tone}`}>{children}</span>
}

/** How long ago or until when; the exact moment stands in its title. */
export function Time({ at }: { at: string | null }) {
  if (at === null) return <span class="soft">never</span>
  return (
    <time datetime={at} title={`${at.slice(0, 19).replace('T', ' ')} UTC`}>
      {distance(Date.parse(at) - Date.now())}
    </time>
  )
}

const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' })

function distance(ms: number): string {
  const [unit, size] = units.find(([, size]) => Math.abs(ms) >= size) ?? []
  if (unit === undefined) return ms > 0 ? 'in less than a minute' : 'just now'
  return relative.format(Math.trunc(ms / size), unit)
}

/** Names and values, one pair a line. */
export function Facts({ facts }: { facts: [name: string, value: Child][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </>
      ))}
    </dl>
  )
}

type PagingProps = {
  shown: string
  next?: string | undefined
  first?: string | undefined
  /** What follows, where it is not a page. */
  of?: string
}

/** The further pages of a list. */
export function Paging({ shown, next, first, of = 'page' }: PagingProps) {
  return (
    <nav class="paging" aria-label={of === 'page' ? 'Pages' : `Pages of ${of}`}>
      <span class="soft">{shown}</span>
      {first && (
        <a class="button" href={first}>
          {`First ${of}`}
        </a>
      )}
      {next && (
        <a class="button" href={next}>
          {`Next ${of}`}
        </a>
      )}
    </nav>
  )
}

type TypedProps = { toDo: string; text: string; problem: string | undefined }

/** What cannot be undone is confirmed by typing a name. */
export function TypedConfirmation({ toDo, text, problem }: TypedProps) {
  return (
    <>
      <label for="typed">
        {`To ${toDo} `}
        <strong class="breaks">{text}</strong>
      </label>
      <input
        id="typed"
        name="typed"
        required
        autocomplete="off"
        spellcheck={false}
        aria-invalid={problem ? 'true' : undefined}
        aria-describedby={problem ? 'typed-error' : undefined}
        autofocus={problem !== undefined}
      />
      {problem && (
        <p class="error" id="typed-error" role="alert">
          {problem}
        </p>
      )}
    </>
  )
}
