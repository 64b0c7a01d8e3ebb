/** A short message, with a button that takes the change back; then there is time to reach it. */
export function toast(text: string, undo?: () => void): void {
  const box = document.createElement('div')
  box.className = 'toast'
  const words = document.createElement('span')
  words.textContent = text
  box.append(words)
  if (undo) {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = 'Undo'
    button.addEventListener('click', () => {
      box.remove()
      undo()
    })
    box.append(button)
  }
  document.querySelector('#toasts')?.replaceChildren(box)
  setTimeout(() => box.remove(), undo ? 30_000 : 8_000)
}
