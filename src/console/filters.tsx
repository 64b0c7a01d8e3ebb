/** What a page is filtered by: it stands in the address. */
import type { Child } from 'hono/jsx'
import { Empty } from './layout.tsx'

export type Filters = Record<string, string>

/** Those of these names, without empty ones. */
export function readFilters(names: readonly string[], query: Filters): Filters {
  const given = names.map((name) => [name, query[name]?.trim() ?? ''] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}

export function withQuery(path: string, filters: Filters): string {
  const query = new URLSearchParams(filters).toString()
  return `${path}${query && `?${query}`}`
}

type FormProps = { path: string; trigger: string; submit?: string; children: Child }

/** Shows what matches as soon as a filter changes; without script, by a button. */
export function LiveFilterForm({ path, trigger, submit = 'Show', children }: FormProps) {
  return (
    <search>
      <form
        class="filters"
        action={path}
        hx-get={path}
        hx-target="#list"
        hx-select="#list"
        hx-swap="outerHTML"
        hx-push-url="true"
        hx-trigger={trigger}
        hx-sync="this:replace"
      >
        {children}
        <noscript>
          <button type="submit">{submit}</button>
        </noscript>
      </form>
    </search>
  )
}

type SelectProps = {
  name: string
  /** What it says of all of them: "Every state". */
  all: string
  label?: string
  given: Filters
  options: Record<string, string>
}

export function FilterSelect({ name, all, label = all, given, options }: SelectProps) {
  return (
    <select name={name} aria-label={label}>
      <option value="">{all}</option>
      {Object.entries(options).map(([value, words]) => (
        <option value={value} selected={given[name] === value}>
          {words}
        </option>
      ))}
    </select>
  )
}

/** Days of UTC. */
export function PeriodInputs({ given }: { given: Filters }) {
  return (
    <>
      <label class="day">
        From <input type="date" name="from" value={given.from} />
      </label>
      <label class="day">
        To <input type="date" name="to" value={given.to} />
      </label>
    </>
  )
}

type InputProps = { value: string | undefined; placeholder: string; label?: string }

export function SearchInput({ value, placeholder, label = placeholder }: InputProps) {
  return (
    <input
      id="q"
      type="search"
      name="q"
      value={value}
      placeholder={placeholder}
      aria-label={label}
      maxlength={255}
    />
  )
}

export function FilterInput({
  name,
  value,
  placeholder,
  label = placeholder,
  suggest,
}: InputProps & { name: string; suggest?: string }) {
  return (
    <input
      name={name}
      value={value}
      placeholder={placeholder}
      aria-label={label}
      maxlength={255}
      data-suggest={suggest}
      autocomplete="off"
    />
  )
}

export function NothingMatches({ title, path }: { title: string; path: string }) {
  return (
    <Empty title={title}>
      <p>Other words or fewer filters find more.</p>
      <a class="button" href={path}>
        Clear all filters
      </a>
    </Empty>
  )
}
