/** What a page is filtered by: it stands in the address. */
import { Empty } from './layout.tsx'

export type Filters = Record<string, string>

/** Those of these names, without empty ones. */
export function readFilters(names: readonly string[], query: Filters): Filters {
  const given = names.map((name) => [name, query[name]?.trim() ?? ''] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
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
