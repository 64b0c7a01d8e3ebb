/** JSON source text as a tree: unlike JavaScript values it can have duplicate keys and numbers beyond double precision. */
export type Member = [key: string, value: Tree]
export type Tree = { json: string } | { items: Tree[] } | { members: Member[] }

export const leaf = (value: string | number | boolean | null): Tree => ({
  json: JSON.stringify(value),
})

export function writeTree(tree: Tree): string {
  if ('json' in tree) return tree.json
  if ('items' in tree) return `[${tree.items.map(writeTree).join(',')}]`
  const members = tree.members.map(([key, value]) => `${JSON.stringify(key)}:${writeTree(value)}`)
  return `{${members.join(',')}}`
}

export function countNodes(tree: Tree): number {
  return childrenOf(tree).reduce((count, child) => count + countNodes(child), 1)
}

/** Changes the node at `place`, in depth-first order from the root, 0. */
export function changeNode(tree: Tree, place: number, change: (node: Tree) => Tree): Tree {
  if (place === 0) return change(tree)
  let left = place - 1
  function descend(child: Tree): Tree {
    const count = countNodes(child)
    const here = left
    left -= count
    return here >= 0 && here < count ? changeNode(child, here, change) : child
  }
  if ('items' in tree) return { items: tree.items.map(descend) }
  if ('members' in tree)
    return { members: tree.members.map(([key, value]): Member => [key, descend(value)]) }
  return tree
}

function childrenOf(tree: Tree): Tree[] {
  if ('items' in tree) return tree.items
  return 'members' in tree ? tree.members.map(([, value]) => value) : []
}
