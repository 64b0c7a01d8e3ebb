/** The box of a group ticks all of its boxes, and shows whether they are. */
export function watchGroups(root: ParentNode): void {
  for (const all of root.querySelectorAll<HTMLInputElement>('[data-all]')) {
    const group = all.closest('div')
    const boxes = [...(group?.querySelectorAll<HTMLInputElement>('[name=sold_in]') ?? [])]
    const update = () => {
      const ticked = boxes.filter(({ checked }) => checked).length
      all.checked = ticked === boxes.length
      all.indeterminate = ticked > 0 && ticked < boxes.length
    }
    all.addEventListener('change', () => {
      for (const box of boxes) box.checked = all.checked
    })
    group?.addEventListener('change', update)
    update()
  }
}
