/** The options of an import, for a new file and for one that is checked again. */
import type { ImportFormats } from '../import-export/import-schemas.ts'
import { kindLabels } from './imports.ts'

type Choices = Record<string, string>

/** The kind and what becomes of what is there already. */
export function KindOptions({ formats, given }: { formats: ImportFormats; given: Choices }) {
  return (
    <>
      <div class="fields">
        <Select
          name="kind"
          label="What the file holds"
          options={formats.kinds.map(({ name }) => [name, kindLabels[name] ?? name])}
          given={given.kind ?? 'products'}
        />
        <Select
          name="from"
          label="Export of another system"
          hint="It says what the file holds, and which column is what."
          options={[
            ['', 'None: columns have our names, or are matched in the next step'],
            ...formats.presets.map(({ name, about }): Option => [name, about]),
          ]}
          given={given.from ?? ''}
        />
      </div>
      <Choice
        legend="A row of a record that is there already"
        name="rows"
        given={given.rows ?? 'merge'}
        options={[
          ['merge', 'changes only what the file names (products and stores)'],
          ['whole', 'replaces the record whole: what the file does not say is emptied'],
        ]}
      />
      <Choice
        legend="A record that the file lacks"
        name="lacking"
        given={given.lacking ?? 'keep'}
        options={[
          ['keep', 'stays as it is'],
          ['unpublish', 'leaves the feed (products and stores)'],
          ['remove', 'is removed (products, stores and availability)'],
        ]}
      />
    </>
  )
}

/** What is seldom needed. */
export function FileOptions({ given }: { given: Choices }) {
  return (
    <details class="more">
      <summary>How the file is written</summary>
      <div class="fields">
        <Select
          name="variants"
          label="Variants"
          options={[
            ['', 'The file has none'],
            ['first', 'One product of them, from the first row'],
            ['rows', 'Each is a product, with its SKU as id'],
          ]}
          given={given.variants ?? ''}
        />
        <Select
          name="decimal"
          label="Decimals"
          options={[
            ['', 'Found: 19.90'],
            ['.', 'Point: 1,234.50'],
            [',', 'Comma: 1.234,50'],
          ]}
          given={given.decimal ?? ''}
        />
        <Text name="delimiter" label="Between cells" hint="Found if left empty." given={given} />
        <Text name="encoding" label="Encoding" hint="Found if left empty." given={given} />
        <Text name="dates" label="Dates" hint="Such as dd.mm.yyyy." given={given} />
        <Text name="timezone" label="Time zone" hint="Such as Europe/Berlin." given={given} />
        <Lines
          name="set"
          label="Fields of one text"
          hint="One a line: link=https://shop.example/{Handle}"
          given={given}
        />
        <Lines name="only" label="Only rows with" hint="One a line: Status=active" given={given} />
        <Select
          name="of"
          label="Availability: whose links become the file's"
          options={[
            ['', 'Nobody’s: links are added'],
            ['products', 'Those of each product named'],
            ['stores', 'Those of each store named'],
          ]}
          given={given.of ?? ''}
        />
        <div class="field flag">
          <label>
            <input type="checkbox" name="yes" value="true" checked={given.yes === 'true'} />
            Even if more than half goes
          </label>
        </div>
      </div>
    </details>
  )
}

type Option = [value: string, label: string]
type SelectProps = { name: string; label: string; options: Option[]; given: string; hint?: string }

function Select({ name, label, options, given, hint }: SelectProps) {
  return (
    <div class="field">
      <label for={`o-${name}`}>{label}</label>
      <select id={`o-${name}`} name={name}>
        {options.map(([value, text]) => (
          <option value={value} selected={value === given}>
            {text}
          </option>
        ))}
      </select>
      {hint && <p class="hint">{hint}</p>}
    </div>
  )
}

type TextProps = { name: string; label: string; hint: string; given: Choices }

function Text({ name, label, hint, given }: TextProps) {
  return (
    <div class="field">
      <label for={`o-${name}`}>{label}</label>
      <input id={`o-${name}`} name={name} value={given[name] ?? ''} maxlength={100} />
      <p class="hint">{hint}</p>
    </div>
  )
}

function Lines({ name, label, hint, given }: TextProps) {
  return (
    <div class="field">
      <label for={`o-${name}`}>{label}</label>
      <textarea id={`o-${name}`} name={name} rows={2} maxlength={2000}>
        {given[name] ?? ''}
      </textarea>
      <p class="hint">{hint}</p>
    </div>
  )
}

type ChoiceProps = { legend: string; name: string; options: Option[]; given: string }

function Choice({ legend, name, options, given }: ChoiceProps) {
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      {options.map(([value, label]) => (
        <label>
          <input type="radio" name={name} value={value} checked={value === given} />
          {label}
        </label>
      ))}
    </fieldset>
  )
}
