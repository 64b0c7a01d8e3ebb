import { webAddress } from './records.ts'

/** The picture of a record, over its initial: where none loads, the initial shows. */
export function Picture({
  address,
  title,
  large,
}: {
  address: unknown
  title: string
  large?: boolean
}) {
  const shown = ownPicture(webAddress(address))
  const tint = [...title].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 6
  const size = large ? 320 : 36
  return (
    <span class={`picture tint-${tint}${large ? ' large' : ''}`}>
      <span aria-hidden="true">{initialOf(title)}</span>
      {shown && (
        <img src={shown} alt="" loading="lazy" decoding="async" width={size} height={size} />
      )}
    </span>
  )
}

/** Of the first name in it: "8 quart Dutch Oven" shows a D. */
const initialOf = (title: string) => (/\p{Lu}/u.exec(title) ?? /\p{L}/u.exec(title))?.[0] ?? '·'

/** The demo's drawings show under whatever name of this machine the demo was opened. */
const ownPicture = (address: string | undefined) =>
  address?.replace(/^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(?=\/demo\/pictures\/)/, '')
