/** A field of a form: its label, its control, and what is wrong with it. */
import type { Field } from './kinds.ts'
import type { Texts } from './record-form.ts'

type FieldProps = {
  field: Field
  texts: Texts
  errors: { field: string; detail: string }[] | undefined
}

export function FieldInput({ field, texts, errors: all = [] }: FieldProps) {
  const { name, label, kind, hint } = field
  const errors = all.filter((one) => one.field === name || one.field.startsWith(`${name}.`))
  const words = errors.map(({ field: path, detail }) =>
    path === name ? detail : `${path}: ${detail}`,
  )
  const note = words.length > 0 ? words.join('; ') : hint
  const control = (
    <Control field={field} text={texts[name] ?? ''} isWrong={words.length > 0} note={note} />
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
          <label for={`f-${name}`}>{label}</label>
          {control}
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

type ControlProps = { field: Field; text: string; isWrong: boolean; note: string | undefined }

function Control({ field: { name, kind }, text, isWrong, note }: ControlProps) {
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
