/** What stands on a counter: machines, scales, coffee. */
import { area, circle, rect, type Shape, shadow, stroke } from './shapes.ts'

const steel = '#cbd3da'
const bright = '#eef2f5'
const grey = '#8c97a1'

const mixer: Shape = ({ main, dark, light }) =>
  [
    shadow(104, 42),
    rect(18, 92, 84, 10, dark, 5),
    rect(80, 44, 18, 52, main, 6),
    rect(20, 24, 80, 28, main, 14),
    rect(28, 29, 40, 5, light, 2.5),
    circle(88, 38, 4, bright),
    rect(38, 52, 6, 14, grey),
    area('M20 64h44c0 18-6 28-14 28H34c-8 0-14-10-14-28z', steel),
    rect(18, 61, 48, 5, bright, 2),
  ].join('')

const roller: Shape = ({ main, dark, light }) =>
  [
    rect(16, 36, 74, 34, main, 6),
    rect(22, 41, 62, 5, light, 2.5),
    rect(24, 52, 58, 10, dark, 5),
    rect(90, 46, 10, 12, grey, 2),
    circle(104, 52, 8, dark),
    ...[34, 44, 54, 64, 74].map((x) => stroke(`M${x} 62v34`, '#e2b45a', 4)),
  ].join('')

const espresso: Shape = ({ main, dark, light }) =>
  [
    shadow(104, 44),
    rect(20, 22, 80, 78, main, 8),
    rect(20, 22, 80, 18, dark, 8),
    circle(36, 31, 4, light),
    circle(50, 31, 4, light),
    rect(70, 27, 22, 8, bright, 2),
    rect(28, 46, 64, 40, '#2b2f33', 4),
    rect(48, 46, 24, 10, grey, 2),
    stroke('M50 58h34', '#1a1d20', 5),
    area('M52 66h16v10a6 6 0 0 1-6 6h-4a6 6 0 0 1-6-6z', bright),
    rect(24, 90, 72, 8, dark, 3),
  ].join('')

const carafe: Shape = ({ main, dark }) =>
  [
    shadow(104, 28),
    area('M36 14h48L66 52l20 38a8 8 0 0 1-7 12H41a8 8 0 0 1-7-12l20-38z', '#dcebf0'),
    area('M44 76h32l8 16a6 6 0 0 1-5 8H41a6 6 0 0 1-5-8z', '#6a4128'),
    area('M41 18h38L64 46h-8z', '#f7f3ea'),
    rect(48, 46, 24, 12, main, 4),
    stroke('M50 52h20', dark, 2),
  ].join('')

const filters: Shape = ({ main, dark, light }) =>
  [
    shadow(98, 38),
    ...[0, 5, 10].map((shift) =>
      area(`M${30 + shift} ${26 - shift / 2}h54L${57 + shift} 74z`, shift === 10 ? light : main),
    ),
    stroke('M67 26v40', dark, 1.5),
    rect(26, 70, 68, 26, dark, 3),
    rect(34, 77, 52, 12, light, 2),
  ].join('')

const dripper: Shape = ({ main, dark, light }) =>
  [
    shadow(104, 30),
    area('M26 26h68L72 64H48z', main),
    stroke('M40 32l14 26M60 32v26M80 32L66 58', light, 2.5),
    rect(22, 22, 76, 6, dark, 3),
    rect(34, 64, 52, 6, dark, 3),
    area('M42 72h36v22a8 8 0 0 1-8 8H50a8 8 0 0 1-8-8z', '#dcebf0'),
    area('M42 84h36v10a8 8 0 0 1-8 8H50a8 8 0 0 1-8-8z', '#6a4128'),
    stroke('M94 36c12 2 10 18-6 16', main, 5),
  ].join('')

const scale: Shape = ({ main, dark, light }) =>
  [
    shadow(100, 44),
    rect(24, 40, 72, 8, steel, 4),
    rect(40, 46, 40, 6, grey),
    area('M26 52h68l8 42a4 4 0 0 1-4 5H22a4 4 0 0 1-4-5z', main),
    rect(42, 68, 36, 18, '#dfeee4', 3),
    stroke('M50 82v-8h6v8zM62 74h8M66 74v8', dark, 2),
    circle(30, 86, 3, light),
    circle(90, 86, 3, light),
    circle(60, 30, 10, '#e0a13a'),
  ].join('')

export const machines = { mixer, roller, espresso, carafe, filters, dripper, scale }
