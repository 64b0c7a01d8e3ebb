/** Mutates a valid tree in a few places. */
import fc from 'fast-check'
import {
  edgeCaseKey,
  edgeCaseNumber,
  edgeCaseText,
  edgeCaseTime,
  edgeCaseTree,
} from './edge-cases.ts'
import { changeNode, countNodes, leaf, type Member, type Tree } from './json-tree.ts'

type Change = (node: Tree) => Tree

/** A change of one of an object's members. */
const ofMembers = (change: (members: Member[], chosen: number) => Member[]) =>
  fc.nat().map(
    (drawn): Change =>
      (node) => {
        if (!('members' in node) || node.members.length === 0) return node
        return { members: change(node.members, drawn % node.members.length) }
      },
  )

const drop = ofMembers((members, chosen) => members.filter((_, place) => place !== chosen))
const repeat = ofMembers((members, chosen) => [...members, ...members.slice(chosen, chosen + 1)])

const add = fc.tuple(edgeCaseKey, edgeCaseTree).map(
  (member): Change =>
    (node) =>
      'members' in node ? { members: [...node.members, member] } : node,
)
const rename = fc.tuple(fc.nat(), edgeCaseKey).map(
  ([drawn, key]): Change =>
    (node) => {
      if (!('members' in node)) return node
      const chosen = drawn % node.members.length
      return {
        members: node.members.map(([name, value], place) => [place === chosen ? key : name, value]),
      }
    },
)
const lengthen = fc.constantFrom(2, 101, 501, 1001, 4001).map(
  (length): Change =>
    (node) => {
      if (!('items' in node)) return node
      const [first = leaf('x')] = node.items
      return { items: Array(length).fill(first) }
    },
)
const wrap = fc.boolean().map(
  (inList): Change =>
    (node) =>
      inList ? { items: [node] } : { members: [['id', node]] },
)
const replace = edgeCaseTree.map(
  (tree): Change =>
    () =>
      tree,
)

/** Replaces a value by an edge case of the same type: a time by a time. */
const replaceByEdgeCase = fc
  .record({ text: edgeCaseText, time: edgeCaseTime, number: edgeCaseNumber })
  .map(
    ({ text, time, number }): Change =>
      (node) => {
        if (!('json' in node)) return node
        if (/^"\d{4}-\d{2}-\d{2}T/.test(node.json)) return leaf(time)
        if (node.json.startsWith('"')) return leaf(text)
        return /^[-\d]/.test(node.json) ? { json: number } : node
      },
  )

const anyChange = fc.oneof(
  { weight: 8, arbitrary: replaceByEdgeCase },
  { weight: 4, arbitrary: replace },
  { weight: 2, arbitrary: drop },
  { weight: 2, arbitrary: add },
  { weight: 1, arbitrary: rename },
  { weight: 1, arbitrary: repeat },
  { weight: 1, arbitrary: lengthen },
  { weight: 1, arbitrary: wrap },
)

export function mutated(valid: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> {
  const changes = fc.array(fc.tuple(fc.nat(), anyChange), {
    minLength: 1,
    maxLength: 4,
    size: 'xsmall',
  })
  return fc
    .tuple(valid, changes)
    .map(([tree, drawn]) =>
      drawn.reduce(
        (changing, [place, change]) => changeNode(changing, place % countNodes(changing), change),
        tree,
      ),
    )
}
