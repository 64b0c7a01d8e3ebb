import { compress } from 'hono/compress'
import { createMiddleware } from 'hono/factory'

/** As the feeds: what clients take "deflate" for differs. */
const gzip = compress({ encoding: 'gzip' })

/** Leaves answers with an ETag alone: a compressed one would have to make it weak, and If-Match takes none of these. */
export const compressAnswers = createMiddleware(async (c, next) => {
  await next()
  if (!c.res.headers.has('ETag')) await gzip(c, async () => undefined)
})
