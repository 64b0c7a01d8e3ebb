/** The demo's stores, each a house in a street of its town. */
import { area, circle, rect, stroke } from './shapes.ts'

type House = {
  wall: string
  awning: string
  sky: string
  roof: 'flat' | 'gable' | 'steps' | 'arch'
}

const roofs: Record<House['roof'], (wall: string) => string> = {
  flat: (wall) => rect(20, 26, 80, 10, wall, 2) + rect(16, 22, 88, 6, '#4b4f55', 2),
  gable: (wall) => area('M18 40L60 12l42 28z', '#5b4a42') + area('M34 38L60 20l26 18z', wall),
  steps: (wall) =>
    area('M20 40V32h10v-8h12v-8h36v8h12v8h10v8z', wall) + circle(60, 28, 5, '#ffffff99'),
  arch: (wall) =>
    area('M20 40c0-20 18-28 40-28s40 8 40 28z', wall) + circle(60, 28, 6, '#ffffff99'),
}

const stripes = (color: string) =>
  Array.from({ length: 8 }, (_, n) =>
    area(`M${20 + n * 10} 60h10v8a5 5 0 0 1-10 0z`, n % 2 === 0 ? color : '#fbf6ea'),
  ).join('')

function house({ wall, awning, sky, roof }: House): string {
  const windows = [30, 52, 74].map(
    (x) => rect(x, 42, 16, 14, '#dcebf0', 2) + stroke(`M${x + 8} 42v14`, '#ffffff', 1.5),
  )
  return [
    rect(0, 0, 120, 120, sky),
    circle(98, 20, 9, '#ffffff88'),
    rect(0, 98, 120, 22, '#c9c3b8'),
    rect(0, 98, 120, 3, '#aaa397'),
    roofs[roof](wall),
    rect(20, 36, 80, 64, wall),
    ...windows,
    rect(20, 58, 80, 4, '#4b4f55'),
    rect(28, 66, 36, 28, '#2f3b45', 2),
    area('M34 90v-8h12v8zM38 78h4v4h-4z', '#c06e3e'),
    circle(55, 84, 6, '#d9a22f'),
    rect(72, 66, 20, 34, '#6d4a34', 2),
    rect(75, 70, 14, 16, '#dcebf0', 1),
    circle(88, 90, 1.5, '#f1cc7a'),
    stripes(awning),
    rect(8, 88, 8, 12, '#8d5e36', 2),
    circle(12, 82, 8, '#4c8b5b'),
    rect(104, 88, 8, 12, '#8d5e36', 2),
    circle(108, 82, 8, '#4c8b5b'),
  ].join('')
}

/** By the id of the store. */
export const shops: Record<string, string> = {
  1212: house({ wall: '#a6523f', awning: '#2f6f9f', sky: '#d9e8f3', roof: 'flat' }),
  1213: house({ wall: '#c9a36b', awning: '#a8352a', sky: '#e6f1e9', roof: 'gable' }),
  1214: house({ wall: '#7b93a7', awning: '#d9a22f', sky: '#f4e7dc', roof: 'steps' }),
  1216: house({ wall: '#8a6a86', awning: '#356543', sky: '#e8e3f1', roof: 'arch' }),
}
