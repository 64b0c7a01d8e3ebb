/** Pots, pans, and what goes into an oven. */
import { area, circle, oval, rect, type Shape, shadow, stroke, turned } from './shapes.ts'

const dutchOven: Shape = ({ main, dark, light }) =>
  [
    shadow(96),
    rect(12, 56, 12, 7, dark, 3),
    rect(96, 56, 12, 7, dark, 3),
    area('M20 50h80v30a14 14 0 0 1-14 14H34a14 14 0 0 1-14-14z', main),
    area('M28 56h6v30a8 8 0 0 1-6-8z', light),
    area('M18 50c2-14 20-20 42-20s40 6 42 20z', dark),
    rect(16, 47, 88, 6, main, 3),
    rect(52, 22, 16, 8, '#d8c9a8', 4),
  ].join('')

const skillet: Shape = ({ main, dark, light }) =>
  turned(
    -35,
    [
      rect(84, 54, 34, 12, dark, 6),
      circle(110, 60, 2.5, '#ffffff'),
      circle(50, 60, 38, dark),
      circle(50, 60, 34, main),
      stroke('M26 52a26 26 0 0 1 16-16', light, 3),
    ].join(''),
  )

const griddle: Shape = ({ main, dark, light }) =>
  [
    rect(8, 38, 104, 48, dark, 10),
    rect(18, 42, 84, 40, main, 5),
    ...[50, 58, 66, 74].map((y) => rect(24, y, 72, 2.5, light, 1)),
    rect(11, 54, 4, 16, '#ffffff55', 2),
    rect(105, 54, 4, 16, '#ffffff55', 2),
  ].join('')

const saucepan: Shape = ({ main, dark, light }) =>
  [
    shadow(92, 34),
    rect(82, 44, 34, 7, '#4b4f55', 3),
    area('M20 42h64v36a10 10 0 0 1-10 10H30a10 10 0 0 1-10-10z', main),
    rect(27, 48, 6, 34, light, 3),
    rect(17, 38, 70, 7, dark, 3),
  ].join('')

const stockpot: Shape = ({ main, dark, light }) =>
  [
    shadow(104, 36),
    rect(10, 50, 14, 6, '#4b4f55', 3),
    rect(96, 50, 14, 6, '#4b4f55', 3),
    area('M22 38h76v54a10 10 0 0 1-10 10H32a10 10 0 0 1-10-10z', main),
    rect(30, 46, 7, 48, light, 3),
    rect(18, 32, 84, 7, dark, 3),
    area('M26 32c4-8 18-12 34-12s30 4 34 12z', light),
    circle(60, 18, 4, '#4b4f55'),
  ].join('')

const sheetPan: Shape = ({ main, dark, light }) =>
  [
    rect(12, 30, 96, 62, dark, 8),
    rect(16, 33, 88, 55, main, 6),
    rect(23, 40, 74, 41, light, 3),
    ...[38, 60, 82].flatMap((x) => [50, 70].map((y) => circle(x, y, 7, '#c58b4e'))),
    ...[38, 60, 82].flatMap((x) => [48, 68].map((y) => circle(x - 2, y, 1.6, '#6d4322'))),
  ].join('')

const bundt: Shape = ({ main, dark, light }) =>
  [
    ...Array.from({ length: 10 }, (_, n) => turned(n * 36, oval(60, 27, 13, 15, dark))),
    circle(60, 60, 36, main),
    ...Array.from({ length: 10 }, (_, n) => turned(n * 36 + 18, rect(58, 28, 4, 20, light, 2))),
    circle(60, 60, 11, dark),
    circle(60, 60, 7, '#ffffffaa'),
  ].join('')

const loafPan: Shape = ({ main, dark, light }) =>
  [
    shadow(92, 44),
    area('M24 50c0-20 16-22 36-22s36 2 36 22z', '#c98f52'),
    stroke('M44 36l5 9M58 34l5 9M72 36l5 9', '#8d5a2a', 3),
    area('M14 50h92l-8 38H22z', main),
    area('M24 55h8l4 28h-8z', light),
    rect(10, 47, 100, 6, dark, 3),
  ].join('')

const bakingMat: Shape = ({ main, dark, light }) =>
  [
    rect(16, 28, 80, 66, main, 4),
    rect(22, 34, 68, 54, light, 2),
    rect(26, 38, 60, 46, main, 1),
    ...[44, 56, 68].map((x) => circle(x, 61, 4, dark)),
    oval(96, 61, 8, 33, dark),
    oval(96, 61, 4, 28, light),
  ].join('')

const pieDish: Shape = ({ main, dark, light }) =>
  [
    shadow(90, 40),
    area('M14 56c6-18 24-26 46-26s40 8 46 26z', '#d8a566'),
    stroke('M36 40l12 14M52 34l12 20M68 34l12 20', '#a8713a', 3),
    area('M12 56h96l-12 26a8 8 0 0 1-7 5H31a8 8 0 0 1-7-5z', main),
    area('M24 62h8l8 20h-6z', light),
    rect(8, 52, 104, 7, dark, 3.5),
  ].join('')

const tagine: Shape = ({ main, dark, light }) =>
  [
    shadow(98),
    area('M22 74c8-6 26-22 31-46h14c5 24 23 40 31 46z', main),
    area('M33 70c9-9 18-22 22-38h3c-3 16-9 30-17 38z', light),
    circle(60, 22, 7, dark),
    area('M14 76h92l-8 14a8 8 0 0 1-7 4H29a8 8 0 0 1-7-4z', dark),
    rect(12, 72, 96, 6, light, 3),
  ].join('')

export const cookware = {
  dutchOven,
  skillet,
  griddle,
  saucepan,
  stockpot,
  sheetPan,
  bundt,
  loafPan,
  bakingMat,
  pieDish,
  tagine,
}
