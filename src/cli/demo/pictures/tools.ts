/** Knives and tools. */
import { area, circle, oval, rect, type Shape, shadow, stroke, turned } from './shapes.ts'

const steel = '#cbd3da'
const bright = '#eef2f5'
const grey = '#8c97a1'

/** `length` of the blade, `belly` how wide it is. */
const knife =
  (length: number, belly: number, edge = ''): Shape =>
  ({ main, dark }) =>
    turned(
      -38,
      [
        area(
          `M${104 - length - 26} 58h${length}v${belly}c-${length / 2} 0-${length - 6}-4-${length}-${belly}z`,
          steel,
        ),
        rect(104 - length - 20, 58, length - 6, 3, bright),
        edge,
        rect(78, 55, 38, 12, main, 5),
        rect(76, 55, 6, 12, grey, 1),
        ...[90, 99, 108].map((x) => circle(x, 61, 1.7, dark)),
      ].join(''),
    )

const teeth = stroke('M12 66l4 4 4-4 4 4 4-4 4 4 4-4 4 4 4-4 4 4 4-4 4 4 4-4 4 4 4-4', grey, 1.5)

const baster: Shape = ({ main, dark, light }) =>
  turned(
    35,
    [
      rect(55, 38, 10, 52, '#dfeaf2', 4),
      area('M56 88h8l-2 20h-4z', steel),
      ...[52, 62, 72].map((y) => rect(55, y, 5, 1.5, grey)),
      oval(60, 24, 14, 18, main),
      oval(55, 20, 4, 8, light),
      rect(52, 36, 16, 6, dark, 2),
    ].join(''),
  )

const peeler: Shape = ({ main, dark }) =>
  turned(
    30,
    [
      stroke('M46 20v22M74 20v22', steel, 5),
      stroke('M46 22h28', grey, 5),
      rect(50, 19, 20, 3, bright, 1),
      area('M44 40h32l-8 16H52z', steel),
      rect(51, 52, 18, 52, main, 8),
      rect(56, 62, 8, 34, dark, 4),
    ].join(''),
  )

const whisk: Shape = ({ main, dark }) =>
  turned(
    35,
    [
      ...[8, 16, 24].map((w) =>
        stroke(
          `M60 62C${60 - w * 1.3} 40 ${60 - w} 14 60 12C${60 + w} 14 ${60 + w * 1.3} 40 60 62`,
          grey,
          2.2,
        ),
      ),
      rect(54, 58, 12, 52, main, 6),
      rect(54, 58, 12, 6, dark, 2),
    ].join(''),
  )

const tongs: Shape = ({ main, dark }) =>
  turned(
    28,
    [
      stroke('M60 104L42 34', steel, 6),
      stroke('M60 104L78 34', grey, 6),
      area('M36 36c-4-10 0-20 6-22l6 20z', main),
      area('M84 36c4-10 0-20-6-22l-6 20z', main),
      rect(53, 92, 14, 16, dark, 6),
    ].join(''),
  )

const ladle: Shape = ({ main, dark }) =>
  turned(
    25,
    [
      rect(57, 14, 6, 60, steel, 3),
      rect(54, 10, 12, 34, main, 6),
      circle(60, 17, 2, dark),
      area('M36 74h48a24 24 0 0 1-48 0z', grey),
      oval(60, 74, 24, 6, steel),
    ].join(''),
  )

const grater: Shape = ({ main, dark, light }) =>
  turned(
    30,
    [
      rect(46, 12, 28, 66, steel, 4),
      rect(49, 16, 22, 58, bright, 2),
      ...[22, 31, 40, 49, 58, 67].flatMap((y, row) =>
        [53, 59, 65].map((x) => oval(x + (row % 2) * 2, y, 1.8, 2.6, grey)),
      ),
      rect(50, 76, 20, 36, main, 8),
      rect(54, 84, 4, 20, light, 2),
      rect(46, 74, 28, 5, dark, 2),
    ].join(''),
  )

const board: Shape = ({ main, dark, light }) =>
  [
    rect(16, 30, 88, 62, dark, 8),
    rect(16, 27, 88, 62, main, 8),
    ...[38, 49, 60, 71].map((y) => rect(22, y, 76, 2, light, 1)),
    circle(92, 38, 5, dark),
    circle(46, 62, 12, '#d2493a'),
    area('M42 50c3-4 6-4 8 0z', '#4c8b5b'),
  ].join('')

const bottle: Shape = ({ main, dark, light }) =>
  [
    shadow(108, 20),
    rect(53, 14, 14, 12, dark, 3),
    area(
      'M54 26h12v12c10 4 14 12 14 22v38a8 8 0 0 1-8 8H48a8 8 0 0 1-8-8V60c0-10 4-18 14-22z',
      main,
    ),
    rect(45, 58, 5, 38, light, 2.5),
    rect(40, 64, 40, 24, '#fbf6ea'),
    rect(48, 71, 24, 3, dark, 1.5),
    rect(52, 78, 16, 3, light, 1.5),
  ].join('')

const thermometer: Shape = ({ main, dark, light }) =>
  turned(
    40,
    [
      rect(58, 54, 4, 56, grey, 2),
      rect(46, 12, 28, 48, main, 10),
      rect(51, 18, 18, 18, '#dfeee4', 3),
      stroke('M55 32v-8h4v8zM63 24v8', dark, 2),
      rect(52, 44, 16, 4, light, 2),
    ].join(''),
  )

export const tools = {
  chefsKnife: knife(66, 13),
  paringKnife: knife(38, 10),
  breadKnife: knife(70, 8, teeth),
  nakiri: knife(58, 20),
  baster,
  peeler,
  whisk,
  tongs,
  ladle,
  grater,
  board,
  bottle,
  thermometer,
}
