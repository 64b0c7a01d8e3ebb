type Choice<T extends string> = { value: T; label: string; main?: boolean; danger?: boolean }

/** Resolves to the choice; `fallback` when the dialog is closed by Esc. */
export function choose<T extends string>(
  title: string,
  lines: string[],
  choices: Choice<T>[],
  fallback: T,
): Promise<T> {
  const dialog = document.createElement('dialog')
  const heading = document.createElement('h2')
  heading.id = 'dialog-title'
  heading.textContent = title
  dialog.setAttribute('aria-labelledby', heading.id)
  dialog.append(heading)
  for (const line of lines) {
    const words = document.createElement('p')
    words.textContent = line
    dialog.append(words)
  }
  const actions = document.createElement('div')
  actions.className = 'actions'
  dialog.append(actions)
  document.body.append(dialog)
  return new Promise((resolve) => {
    let chosen = fallback
    for (const { value, label, main, danger } of choices) {
      const button = document.createElement('button')
      button.type = 'button'
      button.textContent = label
      if (main) button.className = 'primary'
      if (danger) button.className = 'danger'
      button.addEventListener('click', () => {
        chosen = value
        dialog.close()
      })
      actions.append(button)
    }
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(chosen)
    })
    dialog.showModal()
  })
}
