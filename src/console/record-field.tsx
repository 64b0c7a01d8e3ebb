/** A field of a form: its label, its control, and what is wrong with it. */
import type { Field } from './kinds.ts'
import type { Texts } from './record-form.ts'

type FieldProps = {
  field: Field
  texts: Texts
  errors: { field: string; detail: string }[] | undefined
  /** Where its values are proposed from, such as `products.brand`. */
  suggest?: string | undefined
}

export function FieldInput({ field, texts, errors: all = [], suggest }: FieldProps) {
  const { name, label, kind, hint } = field
  const errors = all.filter((one) => one.field === name || one.field.startsWith(`${name}.`))
  const words = errors.map(({ field: path, detail }) =>
    path === name ? detail : `${path}: ${detail}`,
  )
  const note = words.length > 0 ? words.join('; ') : hint
  const control = (
    <Control
      field={field}
      text={texts[name] ?? ''}
      isWrong={words.length > 0}
      note={note}
      suggest={suggest}
    />
  )
  return (
    <div class={`field ${kind}${name === 'title' ? ' first' : ''}`}>
      {kind === 'flag' ? (
        <label for={`f-${name}`}>
          {control}
          {label}
        </label>
      ) : (
        <>
          {/* The group that it stands in has the same name. */}
          <label for={`f-${name}`} class={kind === 'metadata' ? 'hidden' : undefined}>
            {label}
          </label>
          {control}
          {kind === 'list' && suggest && <AddInput name={name} suggest={suggest} />}
        </>
      )}
      {note && (
        <p class={words.length > 0 ? 'error' : 'hint'} id={`h-${name}`}>
          {note}
        </p>
      )}
    </div>
  )
}

/** A text of several lines can propose nothing: this adds a line to it. */
function AddInput({ name, suggest }: { name: string; suggest: string }) {
  return (
    <input
      data-suggest={suggest}
      data-adds={`f-${name}`}
      autocomplete="off"
      maxlength={255}
      placeholder="Add one that exists"
      aria-label="Add one that exists"
    />
  )
}

type ControlProps = {
  field: Field
  text: string
  isWrong: boolean
  note: string | undefined
  suggest: string | undefined
}

function Control({ field: { name, kind }, text, isWrong, note, suggest }: ControlProps) {
  const common = {
    id: `f-${name}`,
    name,
    'aria-invalid': isWrong ? ('true' as const) : undefined,
    'aria-describedby': note ? `h-${name}` : undefined,
  }
  switch (kind) {
    case 'flag':
      return <input type="checkbox" {...common} value="true" checked={text === 'true'} />
    case 'long':
    case 'list':
    case 'metadata':
      return <textarea {...common}>{`\n${text}`}</textarea>
    case 'policy':
      return (
        <select {...common}>
          {policies.map(([value, words]) => (
            <option value={value} selected={text === value}>
              {words}
            </option>
          ))}
        </select>
      )
    default:
      return (
        <input
          {...common}
          value={text}
          autocomplete="off"
          data-suggest={suggest}
          required={name === 'title'}
          inputmode={kind === 'text' ? undefined : 'decimal'}
        />
      )
  }
}

const policies = [
  ['', 'Not said'],
  ['1', 'Klaviyo hides it'],
  ['2', 'Klaviyo shows it all the same'],
] as const
